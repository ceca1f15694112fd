"""A model for programs without handgrad: one module per format, each of which makes one file of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from handgrad import atomic
from handgrad.errors import InputError
from handgrad.model import Model


@dataclass(frozen=True)
class Tensor:
    """An input or output of an exported model, with NumPy's name of its dtype; a dimension of any length is a name."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Export:
    """A model as the content of one file, with its inputs and outputs.

    The details are what else there is to know of this format, as plain values by name; the remarks are the same for
    people, one line each.
    """

    content: bytes
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    details: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the content and remarks as plain values, for JSON.

        Examples
        --------
        >>> Export(b"1234", (), (), {"opset": 13}).to_dict()
        {'bytes': 4, 'inputs': [], 'outputs': [], 'opset': 13}
        """
        tensors = {"inputs": [*map(asdict, self.inputs)], "outputs": [*map(asdict, self.outputs)]}
        return {"bytes": len(self.content), **tensors, **self.details}


@dataclass(frozen=True)
class Format:
    """A format that models are exported in, and what each of its options does.

    `make` is called with the model, the path and the options.
    """

    name: str
    make: Callable[..., Export]
    options: Mapping[str, str] = field(default_factory=dict)


def _onnx(model: Model, path: Path) -> Export:
    # Imported here, as for every format: its packages may be heavy or missing.
    from handgrad.export import onnx

    return onnx.export(model)


def _c(model: Model, path: Path, **options: Any) -> Export:
    from handgrad.export import c

    return c.export(model, name=path.name, **options)


FORMATS = {
    ".onnx": Format("ONNX", _onnx),
    ".c": Format(
        "C99",
        _c,
        {
            "int8": "Round the weights to eight bits.",
            "prefix": "Begin the names of the functions with this; by default, the name of the file.",
            "accuracy": "Put this measured accuracy into the head of the file.",
        },
    ),
}
"""The formats by the suffix of the file, in lower case."""


def format_of(path: Path, options: Mapping[str, Any]) -> Format:
    """Return the format that a file's suffix stands for; refuse options that it does not have."""
    chosen = FORMATS.get(path.suffix.lower())
    if chosen is None:
        known = ", ".join(f"{suffix} ({each.name})" for suffix, each in FORMATS.items())
        raise InputError("path", path, "its suffix is no format's", f"the formats are {known}")
    for name, value in options.items():
        if name not in chosen.options:
            holders = ", ".join(suffix for suffix, each in FORMATS.items() if name in each.options) or "no format"
            raise InputError(name, value, f"is an option of {holders}, and {path} is {chosen.name}", "leave it out")
    return chosen


def export(model: Model, path: str | Path, **options: Any) -> Export:
    """Write a model as a file for programs without handgrad, from pixels to probabilities.

    Parameters
    ----------
    model : Model
    path : str or Path
        The suffix chooses the format (``.onnx`` or ``.c``). A file that exists is replaced.
    **options
        Those of the format; see ``FORMATS``.

    Returns
    -------
    Export
        What was written.

    Raises
    ------
    InputError
        If there is no such format or option, or the model cannot be written in it.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.architecture import Architecture
    >>> from handgrad.parameters import Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> model = Model(network, ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = export(model, f"{folder}/tile.c", int8=True)
    ...     print(made.outputs[0].name, sorted(path.name for path in Path(folder).iterdir()))
    probabilities ['tile.c']
    """
    path = Path(path)
    made = format_of(path, options).make(model, path, **options)
    atomic.write_files(path.parent, {path.name: made.content})
    return made
