"""``handgrad export``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from handgrad import atomic, model_file
from handgrad.cli import display, place
from handgrad.errors import InputError
from handgrad.export import Export, Tensor
from handgrad.model import Model


@dataclass(frozen=True)
class Format:
    """What a suffix stands for.

    Parameters
    ----------
    name : str
    make : callable
        From a model and the path to write to, the file; it also takes the options of this format that are given.
    options : tuple of str
        Names of the command's options that are of this format.
    """

    name: str
    make: Callable[..., Export]
    options: tuple[str, ...] = ()


def _onnx(model: Model, _: Path) -> Export:
    # Imported here, as for every format: its packages may be heavy or missing.
    from handgrad.export import onnx

    return onnx.export(model)


def _c(model: Model, out: Path, *, int8: bool = False, data: str | None = None, prefix: str | None = None) -> Export:
    from handgrad.cli import rounding
    from handgrad.export import c

    accuracy = rounding.measured(model, data, int8) if int8 or data else None
    return c.export(model, name=out.name, prefix=prefix, int8=int8, accuracy=accuracy)


FORMATS = {
    ".onnx": Format("ONNX", _onnx),
    ".c": Format("C99", _c, ("int8", "data", "prefix")),
}
"""By the suffix of the file, in lower case."""


def export(
    model_path: Annotated[Path, typer.Argument(metavar="MODEL", help="A model.safetensors, or the folder it lies in.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write; its suffix is the format: .onnx or .c.")
    ],
    int8: Annotated[
        bool | None,
        typer.Option("--int8", help="Weights of eight bits, and what accuracy that costs.", rich_help_panel="C"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Labelled images, as for evaluate, to tell the accuracy; with --int8, the training's if left out.",
            rich_help_panel="C",
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(help="What the functions' names begin with; OUT's name if left out.", rich_help_panel="C"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what OUT already is.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a model as a file for programs that have no handgrad, from pixels to probabilities.

    OUT.onnx is an ONNX graph; OUT.c is one C99 file, for microcontrollers too.
    """
    chosen = _format(out)
    given = _own(chosen, out, int8=int8, data=data, prefix=prefix)
    place.refuse_file(out, overwrite)
    model = model_file.load(model_path)
    made = chosen.make(model, out, **given)
    atomic.write_files(out.parent, {out.name: made.content})
    if json:
        display.print_json({"path": str(out), "format": chosen.name, **made.to_dict(), "classes": list(model.classes)})
    else:
        _print(out, chosen, made, model)


def _format(out: Path) -> Format:
    if out.suffix.lower() not in FORMATS:
        known = ", ".join(f"{suffix} ({known.name})" for suffix, known in FORMATS.items())
        raise InputError("out", out, "its suffix is no format's", f"the formats are {known}")
    return FORMATS[out.suffix.lower()]


def _own(chosen: Format, out: Path, **options: Any) -> dict[str, Any]:
    """The options of the chosen format, as given; None where it is left out.

    Raises
    ------
    InputError
        If one is given that the format does not have.
    """
    for name, value in options.items():
        if value is not None and name not in chosen.options:
            holders = ", ".join(suffix for suffix, known in FORMATS.items() if name in known.options)
            raise InputError(name, value, f"is an option of {holders}, and {out} is {chosen.name}", "leave it out")
    return {name: value for name, value in options.items() if value is not None}


def _print(out: Path, chosen: Format, made: Export, model: Model) -> None:
    for told, tensors in (("input", made.inputs), ("output", made.outputs)):
        for tensor in tensors:
            display.say(f"{told} {_signature(tensor)}")
    shown = ", ".join(model.classes[:20]) + (" …" if len(model.classes) > 20 else "")
    display.say(f"classes {shown}")
    for remark in made.remarks:
        display.say(remark)
    display.say(f"written to {out}: {chosen.name}, {len(made.content):,} bytes")


def _signature(tensor: Tensor) -> str:
    return f"{tensor.name}: {tensor.dtype}, {' × '.join(map(str, tensor.shape))}"
