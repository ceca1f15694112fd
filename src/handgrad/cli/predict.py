"""``handgrad predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape

from handgrad import engine as engines
from handgrad import model_file
from handgrad.cli import display, kernels
from handgrad.data.picture import read_picture
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.typing import Array

_BAR = 20


def predict(
    model_path: Annotated[Path, typer.Argument(metavar="MODEL", help="A model.safetensors, or the folder it lies in.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures; resized to the model's size.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    top: Annotated[int, typer.Option(min=1, help="Classes to print for each picture, the likeliest first.")] = 1,
    engine: Annotated[str, typer.Option(help=f"What computes: {', '.join(engines.ENGINES)}.")] = engines.ENGINES[0],
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the fused engine; one a processor if left out.")
    ] = None,
) -> None:
    """Tell the class of pictures, with its probability.

    A picture that cannot be read is named, the others are predicted all the same, and the exit code is 2.
    """
    model = model_file.load(model_path)
    height, width, depth = model.architecture.input_shape
    paths, pixels, failed = [], [], 0
    with display.counting("Reading pictures") as progress:
        for number, path in enumerate(images, start=1):
            try:
                pixels.append(read_picture(path, (height, width), depth))
                paths.append(path)
            except InputError as error:
                display.complain(str(error))
                failed += 1
            progress(number, len(images))
    computing = engines.create(engine, model.standardisation, threads)
    stacked = np.stack(pixels) if pixels else np.empty((0, height, width, depth), np.uint8)
    kernels.compile_for_predictions(model, stacked, computing)
    probabilities = model.predict(stacked, computing)
    if json:
        display.print_json([_record(path, row, model, top) for path, row in zip(paths, probabilities, strict=True)])
    elif pixels:
        _print(paths, probabilities, model, top)
    if failed:
        raise typer.Exit(2)


def _likeliest(row: Array, model: Model, top: int) -> list[tuple[str, float]]:
    return [(model.classes[index], float(row[index])) for index in np.argsort(-row, kind="stable")[:top]]


def _record(path: Path, row: Array, model: Model, top: int) -> dict[str, object]:
    ranked = _likeliest(row, model, top)
    return {
        "image": str(path),
        "class": ranked[0][0],
        "probability": ranked[0][1],
        "top": [{"class": name, "probability": probability} for name, probability in ranked],
    }


def _print(paths: list[Path], probabilities: Array, model: Model, top: int) -> None:
    table = display.table("image", "class", "probability>", "")
    for path, row in zip(paths, probabilities, strict=True):
        for place, (name, probability) in enumerate(_likeliest(row, model, top)):
            bar = "█" * max(1, round(_BAR * probability))
            shown = escape(str(path)) if place == 0 else ""
            table.add_row(shown, escape(name), display.percent(probability), f"[blue]{bar}[/]")
    display.stdout.print(table)
