"""Which options have an effect only beside others: one table for every command and for the classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.errors import InputError

CLASSIFIER = "HandgradClassifier"
"""The place of the classifier's parameters in the table; the other places are commands."""


def _is(value: object) -> Callable[[Any], bool]:
    return lambda given: given == value


def _not(value: Any) -> bool:
    return not value


@dataclass(frozen=True)
class Option:
    """One option, and what it needs to have an effect.

    Parameters
    ----------
    name : str
        As the library calls it.
    places : tuple of str
        Commands, or the classifier, that this row is about; all that have such an option if empty.
    beside : str
        The option that decides whether this one has an effect; empty where it always has one.
    fits : callable
        Whether it has one beside that value.
    give : object
        A value of the other option beside which it has one, to be suggested; None suggests nothing.
    rule : str
        What is wrong otherwise, where "has no effect with …" does not say it.
    refused : bool
        Whether the two contradict each other, so that nobody can mean both.
    own : bool
        Whether the command itself refuses it, in its own words.
    """

    name: str
    places: tuple[str, ...] = ()
    beside: str = ""
    fits: Callable[[Any], bool] = bool
    give: Any = None
    rule: str = ""
    refused: bool = False
    own: bool = False


_TRAINED, _ON_CLUSTER = ("train", "evaluate"), ("train", "predict")
_OF_THE_FOLDS = ("count", "folds", "group_by", "engine", "threads", "port", "json")
_NO_IMAGES = "has no effect on rows of numbers that are no images"

TABLE: tuple[Option, ...] = (
    Option("momentum", beside="optimizer", fits=_is("sgd"), give="sgd"),
    Option("patience", beside="early_stopping", give=True),
    Option("validation_fraction", beside="early_stopping", give=True),
    Option("threads", (*_TRAINED, "predict", "watch", "review", CLASSIFIER), "engine", _is("fused"), "fused"),
    Option("cache", beside="no_cache", fits=_not, refused=True, rule="contradicts {beside}"),
    Option("cache", beside="cached", rule="has no effect on this source, which is not a folder of pictures"),
    Option("no_cache", beside="cached", rule="has no effect on this source, which is not a folder of pictures"),
    Option("overwrite", _TRAINED, "out", rule="has no effect without {beside}"),
    Option("checkpoint_seconds", ("train",), "workers", _not, rule="has no effect on a cluster, which has its own"),
    Option("json", ("cache",), "clear", _not),
    Option("seconds", ("watch",), "once", _not),
    *(
        Option(name, ("review",), mode, _not, refused=True)
        for mode, names in (
            ("undo", ("apply", "unlabeled", "strict", "no_cache", *_OF_THE_FOLDS)),
            ("apply", _OF_THE_FOLDS),
            ("json", ("port",)),
        )
        for name in names
    ),
    Option("overwrite", ("train",), "resume", _not, own=True),
    Option("out", ("train",), "resume", _not, own=True),
    Option("cluster", _ON_CLUSTER, "workers", own=True),
    Option("workers", _ON_CLUSTER, "cluster", own=True),
    Option("address", _ON_CLUSTER, "cluster", own=True),
    Option("out", ("predict",), "cluster", own=True),
    Option("overwrite", ("predict",), "out", own=True),
    Option("cluster", ("sweep",)),
    Option("address", ("sweep",), "cluster", own=True),
    Option("int8", ("export",), "format", own=True),
    Option("data", ("export",), "format", own=True),
    Option("prefix", ("export",), "format", own=True),
    Option("stages", (CLASSIFIER,), "image", give="image_shape", rule=_NO_IMAGES),
    Option("filter_size", (CLASSIFIER,), "image", give="image_shape", rule=_NO_IMAGES),
    Option("pooling", (CLASSIFIER,), "image", give="image_shape", rule=_NO_IMAGES),
    Option("maps", (CLASSIFIER,), "image", give="image_shape", rule=_NO_IMAGES),
    # With an effect in every combination:
    *map(Option, ("source", "images", "model_path", "model", "image", "label", "out", "seed", "engine", "strict")),
    *map(Option, ("stages", "filter_size", "pooling", "maps", "hidden", "input_shape")),
    *map(Option, ("epochs", "batch_size", "optimizer", "learning_rate", "schedule", "weight_decay", "class_weight")),
    *map(Option, ("augment", "early_stopping", "size", "group_by", "resume", "space", "trials", "port", "clear")),
    *map(Option, ("random_state", "verbose", "warm_start", "log")),
    *(
        Option(name)
        for name in ("pixel_range", "threshold", "top", "once", "unlabeled", "apply", "undo", "count", "folds")
    ),
    *(Option("json", (command,)) for command in ("evaluate", "predict", "export", "check", "info")),
    *(Option("overwrite", (command,)) for command in ("explain", "export", "watch")),
    *(Option(name, ("sweep",)) for name in ("workers", "threads")),
)
"""Every option of every command and of the classifier."""


def rows(place: str, name: str) -> list[Option]:
    """Return what the table says of an option in one place."""
    return [row for row in TABLE if row.name == name and (not row.places or place in row.places)]


def without_effect(
    place: str,
    given: Mapping[str, Any],
    values: Mapping[str, Any],
    show: Callable[[str, Any], str] = lambda name, value: name if value is None else f"{name}={value}",
) -> Iterator[InputError]:
    """Yield an error for each option that was given and has no effect beside the values of all; raise contradictions.

    `show` says how an option with its value is written; without its value where that is None.

    Examples
    --------
    >>> print(*without_effect("train", {"momentum": 0.5}, {"momentum": 0.5, "optimizer": "adamw"}))
    momentum=0.5: has no effect with optimizer=adamw; give optimizer=sgd, or leave it out
    """
    for name, value in given.items():
        for row in rows(place, name):
            if row.own or row.beside not in values or row.fits(other := values[row.beside]):
                continue
            known = show(row.beside, other if other else row.give)
            rule = row.rule.format(beside=show(row.beside, other or None)) or (
                f"has no effect {'with' if other else 'without'} {known}"
            )
            suggested = show(*((row.give, None) if row.beside == "image" else (row.beside, row.give)))
            error = InputError(name, value, rule, f"give {suggested}, or leave it out" if row.give else "leave it out")
            if row.refused:
                raise error
            yield error
