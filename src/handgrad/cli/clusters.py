"""The options of the commands that can run on a cluster."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from handgrad.errors import InputError
from handgrad.runs import Run
from handgrad.runs.train import Loop
from handgrad.training import Epoch, Step

_PANEL = "Cluster"

Kind = Annotated[
    Literal["ray"] | None,
    typer.Option(
        help=escape("Share the work among the workers of a Ray cluster; needs handgrad[ray]."), rich_help_panel=_PANEL
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes that share the work, with --cluster.", rich_help_panel=_PANEL),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Head of the cluster, or auto; by default, RAY_ADDRESS, else this machine alone.",
        rich_help_panel=_PANEL,
    ),
]


def check(cluster: str | None, workers: int | None, address: str | None) -> None:
    """Refuse options that do not go together, and a cluster whose packages are missing."""
    if cluster is None:
        for name, value in (("workers", workers), ("address", address)):
            if value is not None:
                raise InputError(name, value, "is for a cluster only", "give --cluster ray, or leave it out")
        return
    if workers is None:
        raise InputError("workers", "(none)", "a cluster needs a number of workers", "give e.g. --workers 2")
    # Imported here and below: nothing but a cluster needs it.
    from handgrad.cluster.connection import require_ray

    require_ray()


def loop(address: str | None, threads: int | None) -> Loop:
    """Return what trains a run: this process, or the workers of a cluster if its options have some."""

    def train(run: Run, folder: Path) -> Generator[Step | Epoch, None, None]:
        if not run.options.workers:
            check(None, None, address)
            return run.events()
        from handgrad.cluster.training import train as train_on_cluster

        return train_on_cluster(run, folder, address=address, threads=threads)

    return train
