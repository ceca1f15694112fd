"""A trace as plain values, for the page: one JSON, described in ``docs/trace.md``."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np

from handgrad.trace.nodes import Node, example_nodes, network_nodes
from handgrad.trace.passes import Trace
from handgrad.typing import Array

VERSION = 2
"""Raised when an older page would misread the document."""


def to_document(trace: Trace, elsewhere: Collection[str] = ()) -> dict[str, Any]:
    """Everything that the page shows of a trace.

    Parameters
    ----------
    trace : Trace
    elsewhere : collection of str
        Names of tensors whose numbers are left out, since the page asks for them when it needs them.

    Returns
    -------
    dict
        Of strings, numbers, lists and dicts; ``docs/trace.md`` describes it.
    """
    model = trace.model
    return {
        "format": "handgrad trace",
        "version": VERSION,
        "architecture": model.architecture.to_dict(),
        "parameters": model.architecture.parameter_count,
        "classes": list(model.classes),
        "standardization": model.standardization.to_dict(),
        "label": trace.label,
        "pixels": {"shape": list(trace.pixels.shape), "data": _base64(trace.pixels)},
        "nodes": [
            asdict(node) | _described(node, trace, elsewhere)
            for node in (*network_nodes(model.architecture), *example_nodes())
        ],
    }


def _described(node: Node, trace: Trace, elsewhere: Collection[str]) -> dict[str, Any]:
    if node.operation == "step":
        return {"shape": list(trace.tensors[node.inputs[0]].shape)}
    tensor = trace.tensors[node.name]
    shape = {"shape": list(np.shape(tensor))}
    if node.name in elsewhere:
        return shape | {"largest": float(np.abs(tensor, where=np.isfinite(tensor), out=np.zeros_like(tensor)).max())}
    return shape | _numbers(tensor)


def _numbers(tensor: Array) -> dict[str, str]:
    """The numbers: little-endian, row-major, in float32 where that loses nothing."""
    with np.errstate(over="ignore"):
        short = np.asarray(tensor, np.float32)
    if np.array_equal(short, tensor):
        return {"dtype": "float32", "data": _base64(short)}
    return {"dtype": "float64", "data": _base64(tensor)}


def _base64(numbers: Any) -> str:
    array = np.ascontiguousarray(numbers)
    return b64encode(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()).decode("ascii")
