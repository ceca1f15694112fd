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
    # A report is noticed when the controller next asks; the default is 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # Workers keep the working folder.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
_OBJECT_STORE = 256 * 2**20
"""Bytes. Ray would reserve a third of the memory, but a training sends little through the store."""

_PATIENCE = 10
"""Seconds to wait for a host to answer."""


def require_ray() -> None:
    """Refuse to continue without Ray.

    Raises
    ------
    InputError
        If it is not installed; says how to install it.
    """
    missing = [name for name in ("ray", "torch") if find_spec(name) is None]
    if missing:
        rule = f"needs {' and '.join(missing)}, which handgrad itself does not install"
        raise InputError("cluster", "ray", rule, "run pip install 'handgrad[ray]'")


def prepare() -> None:
    """Set Ray's environment variables, unless they are set; Ray reads them when it is imported."""
    require_ray()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


@contextmanager
def connected(address: str | None = None, object_store: int = _OBJECT_STORE) -> Iterator[None]:
    """Connect to a cluster for the duration of the block.

    Parameters
    ----------
    address : str, optional
        ``HOST:PORT`` of the cluster's head, or ``auto`` on one of its hosts; ``RAY_ADDRESS`` if left out. Without
        either, Ray is started on this machine alone, and ended with the block.
    object_store : int
        Bytes of the store, if Ray is started.

    Raises
    ------
    InputError
        If Ray is not installed, or no cluster answers at that address.
    """
    prepare()
    import ray

    address = address or os.environ.get("RAY_ADDRESS") or "local"
    started = {"object_store_memory": object_store, "include_dashboard": False} if address == "local" else {}
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **started)
    except (OSError, RuntimeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            "address",
            address,
            f"no Ray cluster answers there ({reason.rstrip('.')})",
            "start one with Ray's own command, or leave address out to use this machine alone",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out at once that there is no cluster; Ray takes minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.removeprefix("[").removesuffix("]"), int(port)), timeout=_PATIENCE).close()


def threads_of_workers(workers: int) -> int:
    """Return the most processors that each of the workers can have to itself on the cluster's hosts.

    Raises
    ------
    InputError
        If there are fewer processors than workers.
    """
    import ray

    hosts = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return share_of_processors(hosts, workers)


def share_of_processors(hosts: list[int], workers: int) -> int:
    """Return ``threads_of_workers`` for hosts with these numbers of processors.

    Examples
    --------
    >>> share_of_processors([2], 1), share_of_processors([8, 8, 4], 3), share_of_processors([8, 8, 4], 5)
    (2, 4, 4)
    """
    for threads in range(max(hosts, default=0), 0, -1):
        if sum(processors // threads for processors in hosts) >= workers:
            return threads
    raise InputError(
        "workers",
        workers,
        f"the cluster has {sum(hosts)} processors, and each worker needs one",
        "use fewer, add hosts, or set threads to wait for more hosts",
    )
