"""``handgrad explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handgrad import engine as engines
from handgrad import model_file
from handgrad.cli import display, options, unseen
from handgrad.data.image_file import read_image
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.text import shown


def explain(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture; resized to the model's size.")],
    model_path: Annotated[
        Path, typer.Option("--model", metavar="MODEL", help="A model.safetensors, or the folder that it is in.")
    ],
    label: Annotated[
        str | None, typer.Option(metavar="CLASS", help="The expected class; by default, the most probable one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("page.html"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out if it exists.")] = False,
) -> None:
    """Write a page with every number of both passes over a picture, and where it comes from.

    It is one file that opens in any browser, without a server.
    """
    from handgrad import atomic
    from handgrad.trace import trace
    from handgrad.web.page import explanation_page

    options.refuse_file(out, overwrite)
    model = model_file.load_for_pictures(model_path)
    height, width, channels = model.architecture.input_shape
    pixels = read_image(image, (height, width), channels, file_ranges=unseen.shown_ranges(model, [image]))
    # The notes engine: compiling kernels for one picture would take longer.
    notes = engines.create("notes", model.standardization)
    # Predicted whatever is expected: a model whose numbers are too large is refused here.
    predicted = model.predict(pixels[None], notes)
    expected = int(predicted.argmax()) if label is None else _number(model, label)
    traced = trace(model, pixels, expected)
    z = traced.tensors["z"]
    atomic.write_files(out.parent, {out.name: explanation_page(traced).encode()})
    display.say(
        f"{image}: {shown(model.classes[z.argmax()])} with {display.percent(z.max())}; "
        f"expected {shown(model.classes[expected])}, "
        f"E = {float(traced.tensors['E']):.4g}"
    )
    display.say(f"written to {out}")


def _number(model: Model, label: str) -> int:
    if label not in model.classes:
        known = ", ".join(model.classes[:20]) + (" …" if len(model.classes) > 20 else "")
        raise InputError("label", label, f"the model's classes are {known}", "give one of them")
    return model.classes.index(label)
