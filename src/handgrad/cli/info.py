"""``handgrad info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from handgrad import model_file
from handgrad.cli import display
from handgrad.model import Model


def info(
    model_path: Annotated[Path, typer.Argument(metavar="MODEL", help="A model.safetensors, or the folder it lies in.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a model file holds: its network, classes, preprocessing and where it comes from."""
    model = model_file.load(model_path)
    if json:
        display.print_json({"parameters": model.architecture.parameter_count} | model.to_dict())
    else:
        _print(model)


def _print(model: Model) -> None:
    architecture = model.architecture
    table = display.table("tensor", "shape", "numbers>", "comes from")
    table.add_row("X", _shape(architecture.input_shape), "", "image, standardized")
    for layer in architecture.convolutions:
        entering = layer.input
        if layer.mixing_shape:
            table.add_row(
                layer.S,
                _shape((*layer.input_shape[:2], layer.mixing_shape[1])),
                "",
                f"{entering} · {layer.alpha}",
            )
            _parameter(table, model, layer.alpha)
            entering = layer.S
        table.add_row(layer.T, _shape(layer.shape), "", f"{entering} @ {layer.F}")
        _parameter(table, model, layer.F)
        if layer.pooled_shape:
            p = architecture.pooling
            table.add_row(layer.output, _shape(layer.pooled_shape), "", f"MP({layer.T}), {p} × {p}")
        else:
            table.add_row(layer.output, _shape(layer.shape), "", f"ReLU({layer.T})")
    table.add_row("x'", _shape((architecture.flat,)), "", f"{architecture.convolutions[-1].output} flattened")
    for dense in architecture.denses:
        function = "softmax" if dense.last else "ReLU"
        table.add_row(dense.output, _shape((dense.outputs,)), "", f"{function}({dense.input} · {dense.w} + {dense.b})")
        _parameter(table, model, dense.w)
        _parameter(table, model, dense.b)
    display.stdout.print(table)
    facts = display.table("", "")
    facts.show_header = False
    facts.add_row("parameters", f"{architecture.parameter_count:,}")
    facts.add_row("classes", escape(", ".join(model.classes)))
    facts.add_row("mean", ", ".join(f"{value:.3f}" for value in model.standardization.mean))
    facts.add_row("std", ", ".join(f"{value:.3f}" for value in model.standardization.std))
    for name, value in model.provenance.items():
        text = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
        facts.add_row(name, escape(text))
    display.stdout.print()
    display.stdout.print(facts)


def _parameter(table: Table, model: Model, name: str) -> None:
    values = model.parameters[name]
    table.add_row(
        f"  {name}",
        _shape(values.shape),
        f"{values.size:,}",
        f"[dim]learned, {values.min():.3f} … {values.max():.3f}[/]",
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
