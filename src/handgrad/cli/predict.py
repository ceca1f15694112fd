"""``handgrad predict``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape

from handgrad import engine as engines
from handgrad import model_file
from handgrad.cli import clusters, display, kernels, options, unseen
from handgrad.data.image_file import read_image
from handgrad.errors import InputError, Interrupted
from handgrad.model import Model
from handgrad.runs.folder import claimed
from handgrad.typing import Array

_BAR = 20


def predict(
    model_path: options.ModelPath,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures, resized to the model's size; with --cluster one folder of pictures, or of Parquet files.",
        ),
    ],
    json: options.Json = False,
    top: Annotated[int, typer.Option(min=1, help="Classes to print per picture, the most probable first.")] = 1,
    engine: options.Engine = engines.ENGINES[0],
    threads: options.Threads = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the predictions as Parquet files, with --cluster; an interrupted run there is continued.",
            rich_help_panel="Cluster",
        ),
    ] = None,
    cluster: clusters.Kind = None,
    workers: clusters.Workers = None,
    address: clusters.Address = None,
) -> None:
    """Predict the classes of pictures, with their probabilities.

    A picture that cannot be read is reported, the others are predicted all the same, and the exit code is 2. With
    --cluster its row says why, and the exit code is 0.
    """
    clusters.check(cluster, workers, address)
    if workers:
        _predict_on_cluster(model_path, images, out, workers, address, json, top, engine, threads)
        return
    if out:
        raise InputError("out", out, "is for a cluster only", "give --cluster ray, or leave it out")
    model = model_file.load_for_pictures(model_path)
    height, width, channels = model.architecture.input_shape
    paths, pixels, failed, ranges = [], [], 0, unseen.shown_ranges(model, images)
    with display.counting("Reading pictures") as progress:
        for number, path in enumerate(images, start=1):
            try:
                pixels.append(read_image(path, (height, width), channels, file_ranges=ranges))
                paths.append(path)
            except InputError as error:
                display.complain(str(error))
                failed += 1
            progress(number, len(images))
    computing = engines.create(engine, model.standardization, threads, model.architecture)
    stacked = np.stack(pixels) if pixels else np.empty((0, height, width, channels), np.uint8)
    if pixels:
        kernels.prepare(computing, model.parameters, stacked.dtype)
    probabilities = model.predict(stacked, computing)
    if json:
        display.print_json([_record(path, row, model, top) for path, row in zip(paths, probabilities, strict=True)])
    elif pixels:
        _print(paths, probabilities, model, top)
    if failed:
        raise typer.Exit(2)


def _predict_on_cluster(
    model_path: Path, images: list[Path], out: Path | None, workers: int, address: str | None, json: bool, top: int,
    engine: str, threads: int | None,
) -> None:  # fmt: skip
    # Imported here, since nothing but a cluster needs it.
    from handgrad.cluster.prediction import predict as predict_on_cluster

    if out is None:
        raise InputError("out", "(none)", "a cluster writes its predictions into a folder", "give --out DIR")
    if len(images) > 1:
        raise InputError("images", f"{len(images)} paths", "a cluster takes one", "give a folder or a .parquet file")
    if top > 1:
        raise InputError("top", top, "a cluster predicts one class per picture", "leave it out")
    model = model_file.load_for_pictures(model_path)
    try:
        with claimed(out, overwrite=True), display.counting("Predicting") as progress:
            summary = predict_on_cluster(
                model, images[0], out,
                workers=workers, address=address, engine=engine, threads=threads, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; the shards in {out} are kept, and the same command continues") from None
    if json:
        display.print_json({"model": str(model_path), "images": str(images[0]), "out": str(out), **asdict(summary)})
        return
    earlier = f", {summary.found} of them from an earlier run" if summary.found else ""
    shards = f"{summary.parts:,} shard{'s' if summary.parts > 1 else ''}"
    display.say(f"{summary.pictures:,} pictures in {shards}{earlier}")
    table = display.table("class", "pictures>", "share>")
    for name, count in summary.classes.items():
        table.add_row(escape(name), f"{count:,}", display.percent(count / summary.pictures))
    display.stdout.print(table)
    if summary.unreadable:
        display.say(f"{summary.unreadable:,} pictures could not be read; the column error says why")
    display.say(f"written to {out}{os.sep}")


def _most_probable(row: Array, model: Model, top: int) -> list[tuple[str, float]]:
    return [(model.classes[index], float(row[index])) for index in np.argsort(-row, kind="stable")[:top]]


def _record(path: Path, row: Array, model: Model, top: int) -> dict[str, object]:
    ranked = _most_probable(row, model, top)
    classes = [{"class": name, "probability": probability} for name, probability in ranked]
    return {"image": str(path), **classes[0], "top": classes}


def _print(paths: list[Path], probabilities: Array, model: Model, top: int) -> None:
    table = display.table("image", "class", "probability>", "")
    for path, row in zip(paths, probabilities, strict=True):
        for rank, (name, probability) in enumerate(_most_probable(row, model, top)):
            bar = "█" * max(1, round(_BAR * probability))
            shown = escape(str(path)) if rank == 0 else ""
            table.add_row(shown, escape(name), display.percent(probability), f"[blue]{bar}[/]")
    display.stdout.print(table)
