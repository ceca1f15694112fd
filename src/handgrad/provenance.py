"""Where a model comes from, as its file says: plain values that nothing is computed from, and that may be anybody's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from handgrad.text import shown

Kind = TypeVar("Kind")

_DEEPEST = 20
"""Levels of lists and objects; what is deeper becomes a text."""
_MOST_BITS = 1024
"""Of an integer that a float can hold."""


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can hold it; what JSON has no form for (NaN, a path, an endless nest) becomes a text.

    Examples
    --------
    >>> plain({"seed": 3, 4: (1, None), "loss": float("nan")})
    {'seed': 3, '4': [1, None], 'loss': 'nan'}
    """
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {key if isinstance(key, str) else shown(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return [plain(each, depth + 1) for each in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a number of NumPy
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and value.bit_length() < _MOST_BITS:
        return value
    return value if isinstance(value, float) and math.isfinite(value) else shown(value)


def told(provenance: Mapping[str, Any], *names: str, kind: type[Kind]) -> Kind | None:
    """Return what a provenance says under these names, one inside the other, or None if that is not of this kind.

    Examples
    --------
    >>> told({"data": {"source": "digits"}}, "data", "source", kind=str)
    'digits'
    >>> told({"data": [1, 2]}, "data", "source", kind=str)
    """
    value: Any = provenance
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    # JSON's true and false are integers to Python.
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None
