"""What a sweep chooses from: a TOML file with a value or a distribution for each option of a training."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from handgrad.errors import InputError

KINDS = ("choice", "uniform", "loguniform", "randint")

Value: TypeAlias = str | int | float | bool
Options: TypeAlias = dict[str, Value]
_Refusal: TypeAlias = Callable[[str, str], InputError]


class Distribution(NamedTuple):
    """Where a value is drawn from: one of these, or between these two, both included."""

    kind: str
    values: tuple[Value, ...]


Space: TypeAlias = Mapping[str, Value | Distribution]


def read(path: Path, options: Collection[str]) -> Space:
    """The space that a file describes.

    Parameters
    ----------
    path : Path
    options : collection of str
        Names that it may have.

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
        raise refuse(f"is no TOML ({error})", "write a line an option, batch-size = 64 say") from error
    for name in entries:
        if name not in options:
            close = get_close_matches(name.replace("_", "-"), options, 1)
            remedy = f"write {close[0]}" if close else f"the options are {', '.join(options)}"
            raise refuse(f"has {name}, which is no option of a training that a sweep can choose", remedy)
    space = {name: _entry(entry, _of(refuse, name)) for name, entry in entries.items()}
    if not any(isinstance(entry, Distribution) for entry in space.values()):
        remedy = "give an option a distribution: batch-size = {choice = [32, 64]}"
        raise refuse("leaves nothing to choose", remedy)
    return space


def samples_of(space: Space) -> dict[str, Any]:
    """The space as Ray Tune draws from it."""
    from ray import tune

    def sampled(entry: Value | Distribution) -> Any:
        if not isinstance(entry, Distribution):
            return entry
        if entry.kind == "choice":
            return tune.choice(list(entry.values))
        low, high = (float(value) for value in entry.values)
        # Ray leaves the highest integer out.
        if entry.kind == "randint":
            return tune.randint(int(low), int(high) + 1)
        return getattr(tune, entry.kind)(low, high)

    return {name: sampled(entry) for name, entry in space.items()}


def extremes(space: Space) -> list[Options]:
    """Each value that the file names, alone: what the rules of each option can be tried on."""
    return [
        {name: value}
        for name, entry in space.items()
        for value in (entry.values if isinstance(entry, Distribution) else (entry,))
    ]


def _of(refuse: _Refusal, name: str) -> _Refusal:
    return lambda rule, remedy: refuse(f"{name} {rule}", remedy)


def _entry(entry: Any, refuse: _Refusal) -> Value | Distribution:
    if not isinstance(entry, dict):
        return _value(entry, refuse)
    if len(entry) != 1 or next(iter(entry)) not in KINDS:
        raise refuse(f"has {{{', '.join(entry)}}}, not one of {', '.join(KINDS)}", "write {choice = [1, 2]}, say")
    ((kind, values),) = entry.items()
    if not isinstance(values, list) or not values:
        raise refuse(f"has no list for {kind}", f"write {{{kind} = [1, 2]}}, say")
    if kind == "choice":
        return Distribution(kind, tuple(_value(value, refuse) for value in values))
    types = (int,) if kind == "randint" else (int, float)
    if len(values) != 2 or any(type(value) not in types for value in values) or not values[0] < values[1]:
        rule = f"has {kind} = {values}, which must be two {'integers' if kind == 'randint' else 'numbers'}"
        raise refuse(rule, f"give the lowest and the highest: {{{kind} = [1, 8]}}")
    if kind == "loguniform" and values[0] <= 0:
        raise refuse(f"has loguniform = {values}, whose lowest must be above 0", "give 1e-4, say")
    return Distribution(kind, tuple(values))


def _value(value: Any, refuse: _Refusal) -> Value:
    if not isinstance(value, str | int | float):
        remedy = 'write it as on the command line, in quotes: "128,64"'
        raise refuse(f"has {value!r}, which is neither text, a number nor true or false", remedy)
    return value
