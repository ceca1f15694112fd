"""The options of a training as people write them, on the command line or in a sweep's file: filters as 16,16/32."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType, NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.runs.options import TrainingOptions
from handgrad.training import Recipe


class Form(NamedTuple):
    """How values of one type are written.

    Attributes
    ----------
    metavar : str
        Stands for the text in a list of options; empty where the value's type says enough.
    rule, example : str
    read : callable
        Reads the text; raises ValueError.
    write : callable
        Writes the value.
    """

    metavar: str
    rule: str
    example: str
    read: Callable[[str], Any]
    write: Callable[[Any], Any]


@dataclass(frozen=True)
class WrittenOption:
    """One option.

    Parameters
    ----------
    name : str
        As it is written, e.g. ``batch-size``.
    group : {"network", "recipe", ""}
        Where ``TrainingOptions`` has it; itself if empty.
    field : str
        Its name there.
    type : type
        Of its value, without None.
    optional : bool
        Whether None is a value.
    default : object
        As it is written.
    """

    name: str
    group: str
    field: str
    type: Any
    optional: bool
    default: Any

    @property
    def form(self) -> Form:
        """How it is written."""
        return _form(self.type)

    def read(self, value: Any) -> Any:
        """Return the value of a text; numbers, true and false stand for themselves.

        Raises
        ------
        InputError
            If the text is not of this form, or only one of the value and the option is true or false.
        """
        if isinstance(value, bool) != (self.type is bool):
            rule = f"must {'' if self.type is bool else 'not '}be true or false"
            raise InputError(self.field, value, rule, "correct it")
        if not isinstance(value, str):
            return value
        try:
            return self.form.read(value)
        except ValueError:
            raise InputError(self.field, value, f"must be {self.form.rule}", f"try {self.form.example}") from None


def combine(values: Mapping[str, Any], base: TrainingOptions) -> TrainingOptions:
    """Return options with some of them changed.

    Parameters
    ----------
    values : mapping
        Values, or texts that stand for them, by the options' written names.
    base : TrainingOptions
        The others.

    Raises
    ------
    InputError
        If a value breaks its rule.

    Examples
    --------
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

    Examples
    --------
    >>> values = written(TrainingOptions(source="digits", size=(28, 32)))
    >>> values["filters"], values["size"], values["patience"], values["maps"]
    ('16,16', '28x32', 10, None)
    """
    groups = {"network": options.network, "recipe": vars(options.recipe), "": vars(options)}
    return {name: _written(option.type, groups[option.group][option.field]) for name, option in OPTIONS.items()}


def _written(kind: Any, value: Any) -> Any:
    return value if value is None else _form(kind).write(value)


def _form(kind: Any) -> Form:
    return _FORMS.get(kind, _WORDS if get_origin(kind) is tuple else _TEXT)


def _size(text: str) -> tuple[int, int]:
    height, width = map(int, re.split("[x×]", text.casefold()))
    return height, width


def _counts(text: str) -> tuple[int, ...]:
    if text.strip().casefold() in ("", "none", "0"):
        return ()
    counts = tuple(map(int, text.split(",")))
    if min(counts) < 1:
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


def _itself(value: Any) -> Any:
    return value


_FORMS = {
    tuple[int, int]: Form("HxW", "HEIGHTxWIDTH", "28x28", _size, lambda size: "x".join(map(str, size))),
    tuple[int, ...]: Form("N[,N]", "positive numbers with commas between them, or none", "128,64", _counts, _joined),
    tuple[tuple[int, ...], ...]: Form(
        "N,N[/N,N]",
        "positive numbers with commas between them, and slashes between stages",
        "16,16/32,32",
        _stages,
        lambda stages: "/".join(map(_joined, stages)),
    ),
    int: Form("", "a whole number", "2", int, _itself),
    float: Form("", "a number", "0.01", float, _itself),
}
_WORDS = Form("KIND[,KIND]", "words with commas between them, or none", "none", _words, _joined)
_TEXT = Form("", "text", "none", _itself, _itself)

_WRITTEN_NAMES = {"stages": "filters"}
"""The written names that differ by more than hyphens from the fields'."""

_NOT_WRITTEN = ("source", "network", "recipe", "workers", "input_shape", "classes")
"""What is given in another way, or follows from the images."""


def _options() -> dict[str, WrittenOption]:
    start = TrainingOptions(source="")
    groups = (
        ("network", Architecture, start.network),
        ("recipe", Recipe, vars(start.recipe)),
        ("", TrainingOptions, vars(start)),
    )
    found = {}
    for group, owner, defaults in groups:
        hints = get_type_hints(owner)
        for name in (field.name for field in fields(owner) if field.name not in _NOT_WRITTEN):
            kinds = [kind for kind in get_args(hints[name]) if kind is not NoneType]
            optional = NoneType in get_args(hints[name])
            kind = kinds[0] if optional else hints[name]
            shown = _WRITTEN_NAMES.get(name, name).replace("_", "-")
            found[shown] = WrittenOption(shown, group, name, kind, optional, _written(kind, defaults[name]))
    return found


OPTIONS: Mapping[str, WrittenOption] = MappingProxyType(_options())
"""All of them by their written names."""
