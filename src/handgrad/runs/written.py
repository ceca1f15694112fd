"""The options of a training as people write them, on the command line or in a sweep's file: filters as 16,16/32."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.runs.options import TrainingOptions
from handgrad.training import Recipe


class Form(NamedTuple):
    """How values of one type are written; `read` raises ValueError, `metavar` is empty for plain values."""

    rule: str
    example: str
    read: Callable[[str], Any]
    metavar: str = ""
    write: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class WrittenOption:
    """One option of a training."""

    name: str  # as it is written, e.g. batch-size
    group: str  # the part of TrainingOptions that has it: "network", "recipe" or ""
    field: str  # its name there
    type: Any  # of its value, without None
    optional: bool  # whether None is a value

    @property
    def form(self) -> Form:
        """How it is written."""
        return _FORMS.get(self.type, _WORDS if get_origin(self.type) is tuple else _TEXT)

    def read(self, value: Any) -> Any:
        """Return the value of a text, or raise an InputError; numbers, true and false stand for themselves."""
        if isinstance(value, bool) != (self.type is bool):
            rule = f"must {'' if self.type is bool else 'not '}be true or false"
            raise InputError(self.field, value, rule, "correct it")
        try:
            return self.form.read(value) if isinstance(value, str) else value
        except ValueError:
            raise InputError(self.field, value, f"must be {self.form.rule}", f"try {self.form.example}") from None


def combine(values: Mapping[str, Any], base: TrainingOptions) -> TrainingOptions:
    """Return `base` with some options changed: `values`, or texts that stand for them, by the written names.

    A value that breaks its rule raises an InputError.

    >>> options = combine({"filters": "8/16,16", "batch-size": 64}, TrainingOptions(source="digits"))
    >>> options.network["stages"], options.recipe.batch_size
    (((8,), (16, 16)), 64)
    """
    changed: dict[str, dict[str, Any]] = {"network": {}, "recipe": {}, "": {}}
    for name, value in values.items():
        option = OPTIONS[name]
        changed[option.group][option.field] = option.read(value)
    network, recipe = {**base.network, **changed["network"]}, replace(base.recipe, **changed["recipe"])
    return replace(base, network=network, recipe=recipe, **changed[""])


def written(options: TrainingOptions) -> dict[str, Any]:
    """Return all options by their written names, as they are written.

    >>> values = written(TrainingOptions(source="digits", size=(28, 32)))
    >>> values["filters"], values["size"], values["patience"], values["maps"]
    ('16,16', '28x32', 10, None)
    """
    groups = {"network": options.network, "recipe": vars(options.recipe), "": vars(options)}
    values = {name: groups[option.group][option.field] for name, option in OPTIONS.items()}
    return {name: None if value is None else OPTIONS[name].form.write(value) for name, value in values.items()}


def plain(value: Any) -> str:
    """Return any value of JSON as a person reads it.

    >>> plain({"epochs": 3, "augment": [], "early_stopping": False, "group_by": None, "classes": ["a", "b"]})
    'epochs 3, augment none, early_stopping no, group_by none, classes a, b'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    words = {True: "yes", False: "no"} if isinstance(value, bool) else {None: "none"} if value is None else {}
    return words.get(value, str(value))


def _size(text: str) -> tuple[int, int]:
    height, width = map(int, re.split("[x×]", text.casefold()))
    return height, width


def _counts(text: str) -> tuple[int, ...]:
    counts = () if text.strip() == "0" else tuple(map(int, _words(text)))
    if min(counts, default=1) < 1:
        raise ValueError
    return counts


def _stages(text: str) -> tuple[tuple[int, ...], ...]:
    stages = tuple(map(_counts, text.split("/")))
    if not all(stages):
        raise ValueError
    return stages


def _words(text: str) -> tuple[str, ...]:
    return () if text.strip().casefold() in ("", "none") else tuple(word.strip() for word in text.split(","))


def _joined(items: Any) -> str:
    return ",".join(map(str, items)) or "none"


def _joined_stages(stages: Any) -> str:
    return "/".join(map(_joined, stages))


_COUNTS = "positive numbers with commas between them"
_FORMS = {
    int: Form("a whole number", "2", int),
    float: Form("a number", "0.01", float),
    tuple[int, int]: Form("HEIGHTxWIDTH", "28x28", _size, "HxW", lambda size: "x".join(map(str, size))),
    tuple[int, ...]: Form(f"{_COUNTS}, or none", "128,64", _counts, "N[,N]", _joined),
    tuple[tuple[int, ...], ...]: Form(
        f"{_COUNTS}, and slashes between stages", "16,16/32,32", _stages, "N,N[/N,N]", _joined_stages
    ),
}
_WORDS = Form("words with commas between them, or none", "none", _words, "KIND[,KIND]", _joined)
_TEXT = Form("text", "none", str)

_WRITTEN_NAMES = {"stages": "filters"}
"""The written names that differ by more than hyphens from the fields'."""

_NOT_WRITTEN = ("source", "network", "recipe", "workers", "input_shape", "classes")
"""What is given in another way, or follows from the images."""


def _option(group: str, field: str, hint: Any) -> WrittenOption:
    optional = NoneType in get_args(hint)
    kind = next(kind for kind in get_args(hint) if kind is not NoneType) if optional else hint
    return WrittenOption(_WRITTEN_NAMES.get(field, field).replace("_", "-"), group, field, kind, optional)


OPTIONS: Mapping[str, WrittenOption] = {
    option.name: option
    for group, owner in (("network", Architecture), ("recipe", Recipe), ("", TrainingOptions))
    for option in (_option(group, field.name, get_type_hints(owner)[field.name]) for field in fields(owner))
    if option.field not in _NOT_WRITTEN
}
"""All of them by their written names."""
