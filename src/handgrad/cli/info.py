"""``handgrad info``."""

from __future__ import annotations

from rich.text import Text

from handgrad import model_file
from handgrad.cli import display, options
from handgrad.graph import GIVEN, forward_nodes
from handgrad.model import Model
from handgrad.notes.operations import plain_formula
from handgrad.runs.written import plain
from handgrad.text import shown


def info(model_path: options.ModelPath, json: options.Json = False) -> None:
    """Show what a model file holds: its network, classes, preprocessing and provenance."""
    model = model_file.load(model_path)
    if json:
        display.print_json({"parameters": model.architecture.parameter_count} | model.to_dict())
    else:
        _print(model)


def _print(model: Model) -> None:
    architecture = model.architecture
    table = display.table("tensor", "shape", "numbers>", "comes from")
    for node in forward_nodes(architecture, until="z"):
        shape = " × ".join(map(str, node.shape))
        if node.operation == "parameter":
            values = model.parameters[node.name]
            learned = display.styled(f"learned, {values.min():.4g} … {values.max():.4g}", "dim")
            table.add_row(f"  {node.name}", shape, f"{values.size:,}", learned)
        else:
            settings = "".join(f", {name} = {value}" for name, value in node.options.items())
            origin = "image, standardized" if node.operation in GIVEN else plain_formula(node) + settings
            table.add_row(node.name, shape, "", origin)
    display.stdout.print(table)
    facts = display.table("", "")
    facts.show_header = False
    facts.add_row("parameters", f"{architecture.parameter_count:,}")
    facts.add_row("classes", Text(", ".join(map(shown, model.classes))))
    facts.add_row("mean", ", ".join(f"{value:.6g}" for value in model.standardization.mean))
    facts.add_row("std", ", ".join(f"{value:.6g}" for value in model.standardization.std))
    pixels = f"{model.pixel_range}, black to white" if model.pixel_range else "not known, so it reads no pictures"
    facts.add_row("pixels", pixels)
    for kind, ends in model.file_ranges.items():
        facts.add_row(f"{kind} in files", f"{ends}, black to white")
    for name, value in model.provenance.items():
        facts.add_row(name, Text(shown(plain(value))))
    display.stdout.print()
    display.stdout.print(facts)
