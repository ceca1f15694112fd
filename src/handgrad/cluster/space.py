"""What a sweep draws from: a TOML file with a value or a distribution for each option of a training."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from handgrad.errors import InputError
from handgrad.runs import TrainingOptions
from handgrad.runs.written import OPTIONS, combine

_NOT_DRAWN = ("seed", "engine")
NAMES = tuple(name for name in OPTIONS if name not in _NOT_DRAWN)
"""Options that a space can have."""

KINDS = ("choice", "uniform", "loguniform", "randint")

Value: TypeAlias = str | int | float | bool
Options: TypeAlias = dict[str, Value]
_Refusal: TypeAlias = Callable[[str, str], InputError]


class Distribution(NamedTuple):
    """What a value is drawn from: one of these values, or between these two, both included."""

    kind: str
    values: tuple[Value, ...]


Space: TypeAlias = Mapping[str, Value | Distribution]


def read(path: Path) -> Space:
    """Read the space that a file describes, and check every value in it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If it cannot be read, or a name or value is wrong.
    """
    refuse = partial(InputError, "space", path)
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise refuse(f"cannot be read ({error.strerror or error})", "check the path") from error
    except ValueError as error:
        raise refuse(f"is not TOML ({error})", "write one line per option, e.g. batch-size = 64") from error
    for name in entries:
        if name not in NAMES:
            close = get_close_matches(name.replace("_", "-"), NAMES, 1)
            remedy = f"write {close[0]}" if close else f"the options are {', '.join(NAMES)}"
            raise refuse(f"has {name}, which is not an option that a sweep can choose", remedy)
    space = {name: _entry(entry, _for(refuse, name)) for name, entry in entries.items()}
    if not any(isinstance(entry, Distribution) for entry in space.values()):
        remedy = "give an option a distribution: batch-size = {choice = [32, 64]}"
        raise refuse("leaves nothing to choose", remedy)
    for name, entry in space.items():
        if isinstance(entry, Distribution) and name in ("size", "strict", "group-by"):
            rule = f"has {name} with a distribution; all trials must have the same pictures"
            raise refuse(rule, "give it one value")
    for name, value in _values(space):
        try:
            interpret({name: value}, TrainingOptions(source=""))
        except InputError as error:
            raise refuse(f"has {name} = {value}: {error.rule}", error.remedy) from error
    return space


def interpret(options: Options, base: TrainingOptions) -> TrainingOptions:
    """Return the training's options that options of a space stand for.

    Parameters
    ----------
    options : dict
    base : TrainingOptions
        Those that they leave out.

    Examples
    --------
    >>> interpret({"learning-rate": 0.0123456}, TrainingOptions(source="digits")).recipe.learning_rate
    0.01235
    """
    texts = {name: value if isinstance(value, bool) else shown(value) for name, value in options.items()}
    return combine(texts, base)


def shown(value: Value) -> str:
    """Return a value as a person reads and types it; a training uses no more digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def samples_of(space: Space) -> dict[str, Any]:
    """Return the space as Ray Tune draws from it."""
    from ray import tune

    def sampled(entry: Value | Distribution) -> Any:
        if not isinstance(entry, Distribution):
            return entry
        if entry.kind == "choice":
            return tune.choice(list(entry.values))
        low, high = (float(value) for value in entry.values)
        # Ray excludes the highest integer.
        if entry.kind == "randint":
            return tune.randint(int(low), int(high) + 1)
        return getattr(tune, entry.kind)(low, high)

    return {name: sampled(entry) for name, entry in space.items()}


def _values(space: Space) -> Iterator[tuple[str, Value]]:
    """Every value that the file names, with its option."""
    for name, entry in space.items():
        for value in entry.values if isinstance(entry, Distribution) else (entry,):
            yield name, value


def _for(refuse: _Refusal, name: str) -> _Refusal:
    return lambda rule, remedy: refuse(f"{name} {rule}", remedy)


def _entry(entry: Any, refuse: _Refusal) -> Value | Distribution:
    if not isinstance(entry, dict):
        return _value(entry, refuse)
    if len(entry) != 1 or next(iter(entry)) not in KINDS:
        raise refuse(f"has {{{', '.join(entry)}}}, not one of {', '.join(KINDS)}", "write e.g. {choice = [1, 2]}")
    ((kind, values),) = entry.items()
    if not isinstance(values, list) or not values:
        raise refuse(f"has no list for {kind}", f"write e.g. {{{kind} = [1, 2]}}")
    if kind == "choice":
        return Distribution(kind, tuple(_value(value, refuse) for value in values))
    types = (int,) if kind == "randint" else (int, float)
    if len(values) != 2 or any(type(value) not in types for value in values) or not values[0] < values[1]:
        rule = f"has {kind} = {values}, which must be two {'integers' if kind == 'randint' else 'numbers'}"
        raise refuse(rule, f"give the lowest and the highest: {{{kind} = [1, 8]}}")
    if kind == "loguniform" and values[0] <= 0:
        raise refuse(f"has loguniform = {values}, whose lowest must be above 0", "give e.g. 1e-4")
    return Distribution(kind, tuple(values))


def _value(value: Any, refuse: _Refusal) -> Value:
    if not isinstance(value, str | int | float):
        remedy = 'write it as on the command line, in quotes: "128,64"'
        raise refuse(f"has {value!r}, which is neither text, a number nor true or false", remedy)
    return value
