"""``handgrad check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from handgrad import engine as engines
from handgrad import model_file, progress, verify
from handgrad.architecture import Architecture
from handgrad.cli import completion, display, kernels, options, unseen
from handgrad.data.image_file import read_image
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array

_STYLES = {"pass": "green", "fail": "bold red", "kink": "yellow"}


def check(
    model_path: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="A model file; by default, two small random networks.",
            autocompletion=completion.models,
        ),
    ] = None,
    image: Annotated[Path | None, typer.Argument(metavar="IMAGE", help="A picture; by default, random pixels.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws cotangents and coordinates.")] = 0,
    engine: Annotated[
        engines.EngineName,
        typer.Option(help="Check every line of the notes, or the fused engine's loss and gradients."),
    ] = "notes",
    json: options.Json = False,
) -> None:
    """Prove every backward line, or an engine, against finite differences in float64; exit code 1 if one fails."""
    rng = np.random.default_rng(seed)
    checks: list[verify.LineCheck] = []
    networks = _networks(model_path, image, rng)
    for parameters, X in networks:
        pending, found = _checks(engine, parameters, X, rng), []
        with progress.bar(display.stderr) as bar:
            task = bar.add_task("Checking", total=None)
            for checked in pending:
                found.append(checked)
                bar.update(task, description=f"Checking {checked.number} {checked.derivative}", advance=1)
        if not json:
            _print(parameters.architecture, engine, found)
        checks += found
    failed = sum(checked.verdict == "fail" for checked in checks)
    kinks = sum(checked.verdict == "kink" for checked in checks)
    if json:
        display.print_json([_record(checked) for checked in checks])
    else:
        worst = np.max([checked.error for checked in checks])
        display.say(
            f"{len(checks) - failed - kinks} of {len(checks)} pass; worst relative error {worst:.1e}, "
            f"at most {verify.TOLERANCE:.0e} passes"
            + (f"; {kinks} could not be compared: every number sits on a kink" if kinks else "")
        )
        zeros = [checked.derivative for checked in checks if checked.zero and "–" in checked.number]
        if zeros:
            display.notice(f"0 everywhere, so they prove little: {', '.join(dict.fromkeys(zeros))}")
    if failed:
        raise typer.Exit(1)


def _networks(model_path: Path | None, image: Path | None, rng: np.random.Generator) -> list[tuple[Parameters, Array]]:
    if model_path is None:
        return verify.networks_of_the_notes(rng)
    model = model_file.load_for_pictures(model_path)
    height, width, channels = model.architecture.input_shape
    if image is None:
        return [(model.parameters, rng.standard_normal((1, height, width, channels)))]
    pixels = read_image(image, (height, width), channels, file_ranges=unseen.shown_ranges(model, [image]))[None]
    return [(model.parameters, model.standardization.apply(pixels, np.float64))]


def _checks(engine: str, parameters: Parameters, X: Array, rng: np.random.Generator) -> Iterator[verify.LineCheck]:
    if engine == "notes":
        return verify.check(parameters, X, rng)
    channels = X.shape[3]
    as_given = Standardization((0.0,) * channels, (1.0,) * channels)
    computing = engines.create(engine, as_given, architecture=parameters.architecture)
    kernels.prepare(computing, parameters.astype(np.float64), np.float64, predictions=False, gradients=True)
    return verify.check_engine(computing.loss_and_gradients, parameters, X, rng)


def _record(checked: verify.LineCheck) -> dict[str, object]:
    values = {name: getattr(checked, name) for name in ("number", "derivative", "formula", "error", "coordinates")}
    return values | {"error": checked.error if np.isfinite(checked.error) else None, "verdict": checked.verdict}


def _print(architecture: Architecture, engine: str, checks: list[verify.LineCheck]) -> None:
    sizes = " × ".join(map(str, architecture.input_shape))
    filters = " / ".join(", ".join(map(str, stage)) for stage in architecture.stages)
    maps = f", {architecture.maps} maps" if architecture.maps else ""
    title = f"{sizes} image, {filters} filters{maps}; the {engine} engine"
    table = display.table("line", "derivative", "formula", "error>", "numbers>", "verdict", title=title)
    for checked in checks:
        verdict = display.styled(checked.verdict, _STYLES[checked.verdict])
        line = (checked.number, checked.derivative, checked.formula)
        table.add_row(*line, f"{checked.error:.1e}", str(checked.coordinates), verdict)
    display.stdout.print(table)
    display.stdout.print()
