"""``handgrad train``."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.cli import cache, clusters, display, kernels, options, place, resumption
from handgrad.cli.course import follow
from handgrad.data import KINDS, Dataset, load
from handgrad.engine import Engine
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.training import Epoch, Recipe, State
from handgrad.training import train as train_model
from handgrad.training.augmentation import AUGMENTATIONS
from handgrad.training.checkpoint import Checkpoints
from handgrad.training.interruption import uninterrupted
from handgrad.training.loop import best_epoch

_DEFAULT = Recipe()
_NETWORK, _RECIPE, _DATA, _OUTPUT = "Network", "Recipe", "Data", "Output"


def train(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help=f"{KINDS}.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results; runs/SOURCE, or runs/SOURCE-2 …, if left out.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results that --out already holds.", rich_help_panel=_OUTPUT)
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a training that was ended: go on with everything as it was. Needs no other option.",
            metavar="DIR",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    checkpoint_seconds: Annotated[
        float,
        typer.Option(min=0, help="Seconds from checkpoint to checkpoint within a long epoch.", rich_help_panel=_OUTPUT),
    ] = 60,
    filters: Annotated[
        Any,
        typer.Option(
            parser=options.stages,
            metavar="N,N[/N,N]",
            help="Filters of each convolution, stages apart by a slash: 16,16/32,32.",
            rich_help_panel=_NETWORK,
        ),
    ] = "16,16",
    filter_size: Annotated[
        Any,
        typer.Option(parser=options.size, metavar="HxW", help="Size of every filter.", rich_help_panel=_NETWORK),
    ] = "3x3",
    pooling: Annotated[int, typer.Option(help="Side of the pooling windows.", rich_help_panel=_NETWORK)] = 2,
    hidden: Annotated[
        Any,
        typer.Option(
            parser=options.counts,
            metavar="N[,N]",
            help="Sizes of the hidden layers, or none.",
            rich_help_panel=_NETWORK,
        ),
    ] = "64",
    maps: Annotated[
        int | None,
        typer.Option(
            help="Maps between layers, with learned depth weights (N32); the notes' plain sum if left out.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help=f"Passes over the training part; if left out, enough for {_DEFAULT.least_steps} steps, "
            f"{_DEFAULT.least_epochs} at least.",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Images a step; if left out, {}, or {} where there are few images.".format(*_DEFAULT.batch_sizes),
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    optimizer: Annotated[
        str, typer.Option(help="adamw, or sgd with momentum.", rich_help_panel=_RECIPE)
    ] = _DEFAULT.optimizer,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help=f"Highest learning rate; if left out, {_DEFAULT.rate_of_large_batches} for batches of "
            f"{_DEFAULT.batch_sizes[0]}, and with the square root of the batch size for others.",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    schedule: Annotated[str, typer.Option(help="one-cycle or constant.", rich_help_panel=_RECIPE)] = _DEFAULT.schedule,
    weight_decay: Annotated[
        float, typer.Option(help="Pull of the weights towards 0.", rich_help_panel=_RECIPE)
    ] = _DEFAULT.weight_decay,
    momentum: Annotated[float, typer.Option(help="Of sgd.", rich_help_panel=_RECIPE)] = _DEFAULT.momentum,
    class_weight: Annotated[
        str | None,
        typer.Option(
            help="balanced lets every class count alike, however many images it has.",
            rich_help_panel=_RECIPE,
        ),
    ] = _DEFAULT.class_weight,
    augment: Annotated[
        Any,
        typer.Option(
            parser=options.words,
            metavar="KIND[,KIND]",
            help=f"Change the training images in each epoch: {', '.join(AUGMENTATIONS)}; as they are if left out.",
            rich_help_panel=_RECIPE,
        ),
    ] = "none",
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping",
            help="Keep the epoch with the best validation accuracy; end when no better one comes.",
            rich_help_panel=_RECIPE,
        ),
    ] = _DEFAULT.early_stopping,
    patience: Annotated[
        int, typer.Option(help="Epochs to wait for a better one, with --early-stopping.", rich_help_panel=_RECIPE)
    ] = _DEFAULT.patience,
    seed: Annotated[
        int,
        typer.Option(help="Chooses split, initial values and order; same seed, same model.", rich_help_panel=_RECIPE),
    ] = 0,
    engine: Annotated[
        str, typer.Option(help=f"What computes: {', '.join(engines.ENGINES)}.", rich_help_panel=_RECIPE)
    ] = engines.ENGINES[0],
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of the fused engine; one a processor if left out.", rich_help_panel=_RECIPE),
    ] = None,
    size: Annotated[
        Any,
        typer.Option(
            parser=options.size,
            metavar="HxW",
            help="Resize every image; else pictures of one size stay, others become 100x100.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Stop at the first picture that cannot be read.", rich_help_panel=_DATA),
    ] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Keep pictures of one object in one part: a regular expression whose groups name the object in a "
            "picture's path, or a .csv with the columns image and object.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    cache_folder: cache.Folder = None,
    no_cache: cache.Without = False,
    cluster: clusters.Kind = None,
    workers: clusters.Workers = None,
    address: clusters.Address = None,
) -> None:
    """Train a network on labelled images and write the model, its report and pictures."""
    checkpoint = resumption.resumed(context)
    if resume and not checkpoint:
        # Comes back with the arguments of the training that it goes on with.
        resumption.resume(context, resume, train)
        return
    if source is None:
        raise InputError("source", "(none)", "a training needs images", "give a SOURCE, digits say, or --resume DIR")
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        weight_decay=weight_decay,
        momentum=momentum,
        class_weight=class_weight,
        augment=augment,
        early_stopping=early_stopping,
        patience=patience,
    )
    clusters.check(cluster, workers, address)
    reading = {
        "source": source,
        "size": size,
        "seed": seed,
        "strict": strict,
        "cache": cache.chosen(cache_folder, no_cache),
        "group_by": group_by,
    }
    with ExitStack() as claims:
        if out and not checkpoint:
            claims.enter_context(place.claimed(out, overwrite))
        with display.counting("Reading pictures") as progress:
            dataset = load(**reading, progress=progress)
        for text in dataset.notices:
            display.notice(text)
        architecture = Architecture(
            input_shape=dataset.image_shape,
            classes=len(dataset.classes),
            stages=filters,
            filter_size=filter_size,
            pooling=pooling,
            hidden=hidden,
            maps=maps,
        )
        (initial,) = np.random.SeedSequence(seed).spawn(1)
        model = Model(
            Parameters.draw(architecture, np.random.default_rng(initial)),
            dataset.classes,
            dataset.standardization(),
            checkpoint.provenance if checkpoint else _provenance(context, source, dataset, recipe, seed),
        )
        if checkpoint:
            resumption.check_same(checkpoint, source, dataset)
        computing = engines.create(engine, model.standardization, threads, architecture)
        if not out:
            out = place.next_free(Path("runs") / dataset.name)
            claims.enter_context(place.claimed(out, overwrite))
        _introduce(model, dataset)
        kernels.compile_for_training(model, dataset.train, recipe, computing)
        checkpoints = Checkpoints(out)
        if checkpoint:
            state = checkpoint.restore(model, recipe, computing)
            checkpoints.follow(checkpoint)
            epochs = recipe.epochs_for(len(dataset.train))
            epoch = min(len(state.history) + 1, epochs)
            display.notice(f"going on after step {state.step}, in epoch {epoch} of {epochs}")
        else:
            state = State(computing.optimizer(recipe, model.parameters))
            checkpoints.clear()
        settings = checkpoint.settings if checkpoint else resumption.settings(context)
        write = partial(checkpoints.write, model, state, settings)
        with resumption.kept(checkpoints, write, state):
            write()
            heed = resumption.each_epoch(write, checkpoint_seconds)
            if workers:
                # Imported here, since nothing but a cluster needs it; it keeps checkpoints of its own.
                from handgrad.cluster.training import train as train_on_cluster

                display.notice(f"starting {workers} worker{'s' if workers > 1 else ''} of a Ray cluster")
                events = train_on_cluster(
                    model, dataset, recipe, computing, seed, state,
                    source=reading, folder=out, workers=workers, address=address, threads=threads,
                )  # fmt: skip
                follow(events)
            else:
                events = train_model(model, dataset.train, dataset.validation, recipe, computing, seed, state)
                follow(events, heed)
            if recipe.early_stopping:
                display.notice(f"kept is what epoch {best_epoch(state.history)} of {len(state.history)} left")
            report = _evaluate(model, dataset, state.history, computing)
            # Once all is written, Ctrl-C has nothing left to end.
            with suppress(KeyboardInterrupt), uninterrupted():
                _finish(out, model, dataset, state.history, report)
                checkpoints.clear()


def _provenance(context: typer.Context, source: str, dataset: Dataset, recipe: Recipe, seed: int) -> dict[str, Any]:
    from handgrad.report.surroundings import versions

    return {
        "command": shlex.join(["handgrad", *context.obj]),
        "seed": seed,
        "recipe": recipe.chosen_for(len(dataset.train)),
        "data": {"source": source, "sha256": dataset.checksum(), "group_by": dataset.group_by},
        "versions": versions(),
    }


def _introduce(model: Model, dataset: Dataset) -> None:
    display.stderr.print(
        f"{len(dataset.train)} training, {len(dataset.validation)} validation and {len(dataset.test)} test images of "
        f"{' × '.join(map(str, dataset.image_shape))}, {len(dataset.classes)} classes; "
        f"{model.architecture.parameter_count:,} parameters",
        soft_wrap=True,
    )


def _evaluate(model: Model, dataset: Dataset, history: list[Epoch], engine: Engine) -> dict[str, Any]:
    from handgrad.report.training import training_report

    with display.counting("Evaluating") as progress:
        report = training_report(model, dataset, history, engine, progress)
    counts = np.sum(report["confusion_matrix"], axis=0)
    if np.count_nonzero(counts) == 1:
        display.notice(
            f"the model predicts {model.classes[counts.argmax()]!r} for every test image; try another --seed, a "
            "smaller --learning-rate, or more stages (--filters 16,16/16,16/16,16, say)"
        )
    return report


def _finish(out: Path, model: Model, dataset: Dataset, history: list[Epoch], report: dict[str, Any]) -> None:
    from handgrad import atomic
    from handgrad.report.files import NAMES, contents

    atomic.write_files(out, contents(model, dataset, history, report))
    display.say(
        f"test accuracy {display.percent(report['test_accuracy'])}, balanced "
        f"{display.percent(report['test_balanced_accuracy'])} ({len(dataset.test)} images); "
        f"{report['seconds']:.1f} s of training, {report['images_per_second']:,.0f} images/s"
    )
    display.say(f"written to {out}{os.sep}: {', '.join(NAMES)}")
