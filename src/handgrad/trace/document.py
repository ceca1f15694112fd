"""A trace as plain values, for the page: one JSON, described in ``docs/trace.md``."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.graph import EXAMPLES, Node, graph
from handgrad.notes.operations import axes_of
from handgrad.pixel_range import PIXELS
from handgrad.trace.passes import Trace

VERSION = 2
"""Raised when an older page would misread the document."""


def to_document(trace: Trace, elsewhere: Collection[str] = ()) -> dict[str, Any]:
    """Return everything that the page shows of a trace, as plain values; ``docs/trace.md`` describes it.

    Parameters
    ----------
    trace : Trace
    elsewhere : collection of str
        Names of tensors whose numbers are left out, since the page asks for them when it needs them.
    """
    model = trace.model
    if trace.pixels.dtype != np.uint8 or model.pixel_range != PIXELS:
        rule = f"are {trace.pixels.dtype} in {model.pixel_range or 'no known range'}; the page shows pixels of {PIXELS}"
        raise InputError("pixels", f"array of shape {trace.pixels.shape}", rule, "trace model.of_pictures()")
    nodes = (*graph(model.architecture), *EXAMPLES)
    axes = axes_of(nodes)
    return {
        "format": "handgrad trace",
        "version": VERSION,
        "architecture": model.architecture.to_dict(),
        "parameters": model.architecture.parameter_count,
        "classes": list(model.classes),
        "standardization": model.standardization.to_dict(),
        "label": trace.label,
        "pixels": {"shape": list(trace.pixels.shape), "data": _base64(trace.pixels)},
        "nodes": [asdict(node) | {"axes": axes[node.name]} | _numbers(node, trace, elsewhere) for node in nodes],
    }


def _numbers(node: Node, trace: Trace, elsewhere: Collection[str]) -> dict[str, Any]:
    """Return the numbers, little-endian and row-major, as float32 where that loses nothing; or how large they are."""
    if node.operation == "step":
        return {}
    tensor = trace.tensors[node.name]
    if node.name in elsewhere:
        return {"largest": float(np.abs(tensor, where=np.isfinite(tensor), out=np.zeros_like(tensor)).max())}
    with np.errstate(over="ignore"):
        short = np.asarray(tensor, np.float32)
    if np.array_equal(short, tensor):
        return {"dtype": "float32", "data": _base64(short)}
    return {"dtype": "float64", "data": _base64(tensor)}


def _base64(numbers: Any) -> str:
    array = np.ascontiguousarray(numbers)
    return b64encode(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()).decode("ascii")
