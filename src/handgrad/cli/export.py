"""``handgrad export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from handgrad import model_file
from handgrad.cli import completion, display, options
from handgrad.export import FORMATS, Export, format_of
from handgrad.export import export as write
from handgrad.model import Model
from handgrad.text import shown

_SUFFIXES = " or ".join(FORMATS)
_C = FORMATS[".c"]


def export(
    model_path: options.ModelPath,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help=f"The file to write; its suffix is the format: {_SUFFIXES}.",
            autocompletion=completion.exports,
        ),
    ],
    int8: Annotated[
        bool | None,
        typer.Option("--int8", help=f"{_C.options['int8']} Reports what accuracy that costs.", rich_help_panel=_C.name),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Measure the accuracy on these labeled images; with --int8, by default on the embedded digits "
            "if the model was trained on them.",
            rich_help_panel=_C.name,
        ),
    ] = None,
    prefix: Annotated[str | None, typer.Option(help=_C.options["prefix"], rich_help_panel=_C.name)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
    json: options.Json = False,
) -> None:
    """Write a model as a file for programs that have no handgrad, from pixels to probabilities.

    OUT.onnx is an ONNX graph; OUT.c is one C99 file, for microcontrollers too.
    """
    given = {"int8": int8, "prefix": prefix, "accuracy": data}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    chosen = format_of(out, settings)
    options.refuse_file(out, overwrite)
    model = model_file.load_for_pictures(model_path)
    if int8 or data:
        # Imported here, since it loads what evaluates a model.
        from handgrad.cli import rounding

        settings["accuracy"] = rounding.measured(model, data, bool(int8))
    made = write(model, out, **settings)
    if json:
        display.print_json({"path": str(out), "format": chosen.name, **made.to_dict(), "classes": list(model.classes)})
    else:
        _print(out, chosen.name, made, model)


def _print(out: Path, kind: str, made: Export, model: Model) -> None:
    for direction, tensors in (("input", made.inputs), ("output", made.outputs)):
        for tensor in tensors:
            shape = " × ".join(map(str, tensor.shape))
            display.say(f"{direction} {tensor.name}: {tensor.dtype}, {shape}")
    some = ", ".join(map(shown, model.classes[:20])) + (" …" if len(model.classes) > 20 else "")
    display.say(f"classes {some}")
    for remark in made.remarks:
        display.say(remark)
    display.say(f"written to {out}: {kind}, {len(made.content):,} bytes")
