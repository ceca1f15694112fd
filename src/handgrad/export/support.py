"""The networks that a format can express."""

from __future__ import annotations

from collections.abc import Collection

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.graph import GIVEN, Node, forward_nodes


def prediction_nodes(architecture: Architecture, export_format: str, operations: Collection[str]) -> tuple[Node, ...]:
    """Return the nodes from the image to the probabilities, parameters included.

    Parameters
    ----------
    architecture : Architecture
    export_format : str
        For the error: "C".
    operations : collection of str
        Names of the operations that the format supports.

    Raises
    ------
    InputError
        If the network needs another one.

    Examples
    --------
    >>> [node.name for node in prediction_nodes(Architecture(hidden=()), "C", {"convolve"})]
    Traceback (most recent call last):
        ...
    handgrad.errors.InputError: model=relu: the export to C has no operation of this name; export to another format
    """
    nodes = forward_nodes(architecture, until="z")
    for node in nodes:
        if node.operation not in (*GIVEN, *operations):
            rule = f"the export to {export_format} has no operation of this name"
            raise InputError("model", node.operation, rule, "export to another format")
    return nodes
