"""A function called in a process of the cluster's, and what it tells meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any

from handgrad.errors import HandgradError

_FORWARDED = ("RAY_DATA_", "RAY_TRAIN_", "TUNE_")
"""How the settings of the environment begin that Ray's libraries are to find where the function is called."""

_SECONDS_BETWEEN_NEWS = 0.25


class Call:
    """Where the function is called and what it has told that the driver has not yet seen; an actor."""

    def __init__(self) -> None:
        self.untold: list[Any] = []

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """What the function returns, or what is wrong, without the traceback that Ray would put around it."""
        import ray

        try:
            return function(*arguments, ray.get_runtime_context().current_actor)
        except HandgradError as error:
            return error

    def tell(self, news: list[Any]) -> None:
        """Some more."""
        self.untold += news

    def news(self) -> list[Any]:
        """What has been told since the last time."""
        told, self.untold = self.untold, []
        return told


def call(function: Callable[..., Any], *arguments: Any) -> Generator[Any, None, None]:
    """Call a function of a module in a process of its own, on this host; what it tells.

    Not in a thread of this process: one that uses Ray while the connection ends takes the process with it.

    Parameters
    ----------
    function : callable
        Its last argument is an actor: ``ray.get(actor.tell.remote([…]))``, here or in another process, tells something.
        What it returns is a failure or None.
    arguments
        The others.

    Yields
    ------
    object
        What is told.

    Raises
    ------
    HandgradError
        The failure that it returned or raised.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    settings = {name: value for name, value in os.environ.items() if name.startswith(_FORWARDED)}
    # It is told things, and asked for them, while it runs.
    kind = ray.remote(num_cpus=0, scheduling_strategy=here, concurrency_groups={"run": 1})(Call)
    actor = kind.options(runtime_env={"env_vars": settings}).remote()
    running = actor.run.options(concurrency_group="run").remote(function, arguments)
    ended: list[Any] = []
    while not ended:
        ended, _ = ray.wait([running], timeout=_SECONDS_BETWEEN_NEWS)
        yield from ray.get(actor.news.remote())
    failure = ray.get(running)
    if failure:
        raise failure
