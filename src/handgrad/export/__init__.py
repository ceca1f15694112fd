"""A model for programs without handgrad: one module a format, each of which makes one file of a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tensor:
    """What goes into an exported model, or comes out.

    Parameters
    ----------
    name : str
    dtype : str
        NumPy's name of it.
    shape : tuple of int or str
        A dimension of any length is a name.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Export:
    """A model as one file.

    Parameters
    ----------
    content : bytes
        The file.
    inputs, outputs : tuple of Tensor
    details : dict
        What else there is to know of this format, as plain values by name.
    remarks : tuple of str
        The same for people, a line each.
    """

    content: bytes
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    details: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All but the content and remarks, as plain values, for JSON.

        Examples
        --------
        >>> Export(b"1234", (), (), {"opset": 13}).to_dict()
        {'bytes': 4, 'inputs': [], 'outputs': [], 'opset': 13}
        """
        tensors = {"inputs": [*map(asdict, self.inputs)], "outputs": [*map(asdict, self.outputs)]}
        return {"bytes": len(self.content), **tensors, **self.details}
