"""The connection to a Ray cluster: one that is running, or one on this machine alone."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from handgrad.errors import InputError

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # when the controller next asks for reports; the default is 2 s
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # workers keep the working folder
    "TUNE_GLOBAL_CHECKPOINT_S": "0",  # trials that have ended are saved at once, not every ten seconds
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # three more files per trial
}
_OBJECT_STORE = 256 * 2**20
"""Bytes. Ray would reserve a third of the memory, but a training sends little through the store."""

_PATIENCE = 10
"""Seconds to wait for a host to answer."""


def require_ray() -> None:
    """Raise an InputError that says how to install Ray if it is missing."""
    if find_spec("ray") is None:
        rule = "needs ray, which handgrad itself does not install"
        raise InputError("cluster", "ray", rule, "run pip install 'handgrad[ray]'")


def prepare() -> None:
    """Set Ray's environment variables, unless they are set; Ray reads them when it is imported."""
    require_ray()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


@contextmanager
def connected(address: str | None = None) -> Iterator[None]:
    """Connect to a cluster for the duration of the block.

    The address is ``HOST:PORT`` of the cluster's head, or ``auto`` on one of its hosts; ``RAY_ADDRESS`` if left out.
    Without either, Ray is started on this machine alone, and stopped at the end of the block. An InputError is raised
    if Ray is not installed, or no cluster answers.
    """
    prepare()
    import ray

    address = address or os.environ.get("RAY_ADDRESS") or "local"
    started = {"object_store_memory": _OBJECT_STORE, "include_dashboard": False} if address == "local" else {}
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **started)
    except (OSError, RuntimeError, ValueError) as error:
        rule = f"no Ray cluster answers there ({lines_of(error)[0]})"
        remedy = "start one with Ray's own command, or leave address out to use this machine alone"
        raise InputError("address", address, rule, remedy) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once if there is no cluster; Ray takes minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.removeprefix("[").removesuffix("]"), int(port)), timeout=_PATIENCE).close()


def threads_of_workers(workers: int) -> int:
    """Return the most processors that each worker can have to itself on the cluster's hosts."""
    import ray

    hosts = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return share_of_processors(hosts, workers)


def share_of_processors(hosts: list[int], workers: int) -> int:
    """Return ``threads_of_workers`` for hosts with these numbers of processors.

    >>> share_of_processors([2], 1), share_of_processors([8, 8, 4], 3), share_of_processors([8, 8, 4], 5)
    (2, 4, 4)
    """
    for threads in range(max(hosts, default=0), 0, -1):
        if sum(processors // threads for processors in hosts) >= workers:
            return threads
    rule = f"the cluster has {sum(hosts)} processors, and each worker needs one"
    raise InputError("workers", workers, rule, "use fewer, add hosts, or set threads to wait for more hosts")


def lines_of(error: Exception) -> list[str]:
    """Return the lines of an error's text, without final periods; its type if it has none."""
    lines = [line.rstrip(".") for line in str(error).strip().splitlines()]
    return lines or [type(error).__name__]
