"""Which networks a format can hold."""

from __future__ import annotations

from collections.abc import Collection

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.graph import GIVEN, Node, forward_nodes


def prediction_nodes(architecture: Architecture, export_format: str, operations: Collection[str]) -> tuple[Node, ...]:
    """Return the nodes from the image to the probabilities; refuse an operation that the format does not have.

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
