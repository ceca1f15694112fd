"""A function called in a process of the cluster, and its reports while it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any

from handgrad.errors import HandgradError

_FORWARDED = ("RAY_DATA_", "RAY_TRAIN_", "TUNE_")
"""Prefixes of the environment variables that Ray's libraries read where the function runs."""

_SECONDS_BETWEEN_READINGS = 0.25


class Call:
    """The process that calls the function, and the reports that the driver has not yet seen; an actor."""

    def __init__(self) -> None:
        self.unread: list[Any] = []

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what the function returns, or its error without the traceback that Ray would add."""
        import ray

        try:
            return function(*arguments, ray.get_runtime_context().current_actor)
        except HandgradError as error:
            return error

    def report(self, reports: list[Any]) -> None:
        """Keep some until they are read."""
        self.unread += reports

    def read(self) -> list[Any]:
        """Return the reports since the last call."""
        reports, self.unread = self.unread, []
        return reports


def call(function: Callable[..., Any], *arguments: Any) -> Generator[Any, None, None]:
    """Call a function of a module in a process of its own, on this host, and yield what it reports.

    A thread of this process would not do: one that uses Ray while the connection ends takes the process with it. The
    function's last argument is an actor, which takes reports from any process: ``ray.get(actor.report.remote([…]))``.
    A HandgradError that it returns or raises is raised here.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    settings = {name: value for name, value in os.environ.items() if name.startswith(_FORWARDED)}
    # It takes reports, and gives them to the driver, while the function runs.
    kind = ray.remote(num_cpus=0, scheduling_strategy=here, concurrency_groups={"run": 1})(Call)
    actor = kind.options(runtime_env={"env_vars": settings}).remote()
    running = actor.run.options(concurrency_group="run").remote(function, arguments)
    ended: list[Any] = []
    while not ended:
        ended, _ = ray.wait([running], timeout=_SECONDS_BETWEEN_READINGS)
        yield from ray.get(actor.read.remote())
    failure = ray.get(running)
    if failure:
        raise failure
