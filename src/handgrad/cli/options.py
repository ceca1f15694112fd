"""Options that several commands share, and those of a training, which follow from the library's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from handgrad.cli import completion
from handgrad.engine import EngineName
from handgrad.errors import InputError, OutputError
from handgrad.runs import TrainingOptions
from handgrad.runs.written import OPTIONS, WrittenOption, written
from handgrad.training import Recipe
from handgrad.training.augmentation import AUGMENTATIONS

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A model.safetensors, or the folder that it is in.", autocompletion=completion.models
    ),
]
LabeledSource = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Labeled images, as for train.", autocompletion=completion.sources)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_STRICT = "Refuse a source with anything that would be left out, or may be meant otherwise."
Strict = Annotated[bool, typer.Option("--strict", help=_STRICT)]
Engine = Annotated[EngineName, typer.Option(help="Engine that computes the network.")]
_THREADS = "Threads of the fused engine; by default, one per processor."
Threads = Annotated[int | None, typer.Option(min=1, help=_THREADS)]
TrainingThreads = Annotated[int | None, typer.Option(min=1, help=_THREADS, rich_help_panel="Recipe")]

Threshold = Annotated[
    float | None,
    typer.Option(
        parser=lambda text: _share(text),
        metavar="P",
        help="Answer “don't know” if the highest probability is below P, e.g. 0.9 or 90%; report.html helps to choose.",
    ),
]

_DEFAULT = Recipe()
_LARGE, _SMALL = _DEFAULT.batch_sizes
_RATE = _DEFAULT.rate_of_large_batches

_METAVARS = {"group-by": "PATTERN"}
_NUMBERS = {int: "N", float: "NUMBER"}

HELP: Mapping[str, str] = {
    "filters": "Filters of each convolution; a slash ends a stage: 16,16/32,32.",
    "filter-size": "Size of every filter.",
    "pooling": "Side of the pooling windows.",
    "hidden": "Sizes of the hidden layers, or none.",
    "maps": "Maps between layers, with learned mixing weights (N32); by default, the notes' plain sum.",
    "epochs": f"Passes over the training images; by default, enough for {_DEFAULT.least_steps:,} steps, and at "
    f"least {_DEFAULT.least_epochs}.",
    "batch-size": f"By default, {_LARGE}, or {_SMALL} for few images.",
    "optimizer": "AdamW, or SGD with momentum.",
    "learning-rate": f"Highest learning rate; by default, {_RATE} for batches of {_LARGE}, scaled with the square "
    "root of the batch size.",
    "schedule": "Schedule of the learning rate.",
    "weight-decay": "Pull of the weights toward 0.",
    "momentum": "Momentum of SGD.",
    "class-weight": "Give every class the same weight, however many images it has.",
    "augment": f"Change the training images in every epoch: {', '.join(AUGMENTATIONS)}.",
    "early-stopping": "Keep the epoch with the best validation accuracy; stop when no better one comes.",
    "patience": "Epochs to wait for a better one, with --early-stopping.",
    "seed": "Draws split, initial values and order; same seed, same model.",
    "engine": "Engine that computes the network.",
    "size": "Resize every image; by default, pictures of different sizes become 100x100.",
    "strict": _STRICT,
    "group-by": "Keep the pictures of one object in one split: a regular expression whose groups name the object "
    "in a picture's path, or a table (.csv, .tsv) with the columns image and object.",
}
"""Help for the options of a training, which follow from the fields of ``TrainingOptions``."""

_PANELS = {"network": "Network", "recipe": "Recipe", "seed": "Recipe", "engine": "Recipe"}


def with_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a training in place of its parameter `chosen`, which receives their values."""
    names = {name.replace("-", "_"): name for name in OPTIONS}

    @wraps(command)
    def expanded(**given: Any) -> None:
        chosen = {name: given.pop(parameter) for parameter, name in names.items()}
        command(**given, chosen=chosen)

    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        parameters += _of_a_training() if parameter.name == "chosen" else [parameter]
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    expanded.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in keywords}
    return expanded


def given(context: typer.Context, name: str) -> bool:
    """Return whether an option was given on the command line."""
    source = context.get_parameter_source(name.replace("-", "_"))
    return source is not None and source.name == "COMMANDLINE"


def refuse_file(path: Path, overwrite: bool) -> None:
    """Refuse the path of an output file, before the work, if it is a folder or may not be overwritten."""
    if path.is_dir():
        raise OutputError(path, "it is a folder")
    if path.exists() and not overwrite:
        raise InputError("out", path, "already exists", "choose another path, or give --overwrite")


def _share(text: str | float) -> float:
    """Read a share, which may be written in percent.

    >>> _share("0.7"), _share("99.9 %")
    (0.7, 0.999)
    """
    number, percent, rest = str(text).strip().partition("%")
    try:
        return float(Decimal(number.strip()) / (100 if percent else 1)) if not rest else float("nan")
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a probability, e.g. 0.9 or 90%") from None


def _of_a_training() -> Iterator[inspect.Parameter]:
    defaults = written(TrainingOptions(source=""))
    for name, option in OPTIONS.items():
        panel = _PANELS.get(option.group or name, "Data")
        metavar = _METAVARS.get(name) or option.form.metavar or _NUMBERS.get(option.type)
        flag = [f"--{name}"] if option.type is bool else []
        shown = typer.Option(
            *flag,
            metavar=metavar,
            help=escape(HELP.get(name, "")),
            rich_help_panel=panel,
            autocompletion=completion.OFFERED.get(name),
        )
        annotation = Annotated[_type(option), shown]  # type: ignore[valid-type]
        kind, default = inspect.Parameter.KEYWORD_ONLY, defaults[name]
        yield inspect.Parameter(name.replace("-", "_"), kind, annotation=annotation, default=default)


def _type(option: WrittenOption) -> Any:
    """Return the type that Typer reads; the library reads whatever has a form of its own."""
    kind = str if option.form.metavar else option.type
    return kind | None if option.optional else kind
