"""The options of the commands that can run on a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from handgrad.errors import InputError

KINDS = ("ray",)
_PANEL = "Cluster"

Kind = Annotated[
    str | None,
    typer.Option(
        help="ray: have the workers of a Ray cluster compute, each its share; needs handgrad[ray].",
        rich_help_panel=_PANEL,
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
        help="Head of the cluster, or auto; what RAY_ADDRESS names, or this machine alone, if left out.",
        rich_help_panel=_PANEL,
    ),
]


def check(cluster: str | None, workers: int | None, address: str | None) -> None:
    """Refuse options that do not go together, and a cluster without what it needs.

    Raises
    ------
    InputError
        Of the first that is wrong.
    """
    if cluster is None:
        for name, value in (("workers", workers), ("address", address)):
            if value is not None:
                raise InputError(name, value, "goes with a cluster only", "give --cluster ray, or leave it out")
        return
    if cluster not in KINDS:
        raise InputError("cluster", cluster, f"must be one of {', '.join(KINDS)}", f"use {KINDS[0]}")
    if workers is None:
        raise InputError("workers", "(none)", "a cluster has to know how many are to work", "give --workers 2, say")
    # Imported here and below: nothing but a cluster needs it.
    from handgrad.cluster.connection import require_ray

    require_ray()
