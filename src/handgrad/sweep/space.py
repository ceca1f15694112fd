"""The space of a sweep: a TOML file with a value or a distribution for each option of a training."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from handgrad import effects
from handgrad.errors import InputError
from handgrad.runs import TrainingOptions
from handgrad.runs.written import OPTIONS, combine, written

_NOT_DRAWN = ("seed", "engine")
_OF_THE_DATA = ("size", "strict", "group-by")
NAMES = tuple(name for name in OPTIONS if name not in _NOT_DRAWN)
"""Options that a space can have."""

KINDS = ("choice", "uniform", "loguniform", "randint")

Value: TypeAlias = str | int | float | bool
Options: TypeAlias = dict[str, Value]
_Refusal: TypeAlias = Callable[[str, str], InputError]


class Distribution(NamedTuple):
    """A choice of these values, or a range between these two, both included."""

    kind: str
    values: tuple[Value, ...]


Space: TypeAlias = Mapping[str, Value | Distribution]


def read(path: Path) -> Space:
    """Read the space that a file describes; raise an InputError for a wrong name or value."""
    refuse = partial(InputError, "space", path)
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise refuse(f"cannot be read ({error.strerror or error})", "check the path") from error
    except ValueError as error:
        raise refuse(f"is not TOML ({error})", "write one line per option, e.g. batch-size = 64") from error
    space = {name: _entry(name, entry, refuse) for name, entry in entries.items()}
    if not any(isinstance(entry, Distribution) for entry in space.values()):
        remedy = "give an option a distribution: batch-size = {choice = [32, 64]}"
        raise refuse("leaves nothing to choose", remedy)
    _check_effects(space, refuse)
    return space


def interpret(options: Options, base: TrainingOptions) -> TrainingOptions:
    """Return the training's options that options of a space stand for; `base` has the others.

    >>> interpret({"learning-rate": 0.0123456}, TrainingOptions(source="digits")).recipe.learning_rate
    0.01235
    """
    texts = {name: value if isinstance(value, bool) else shown(value) for name, value in options.items()}
    return combine(texts, base)


def shown(value: Value) -> str:
    """Return a value as a person reads and types it; a training uses no more digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def drawn(space: Space, trials: int, seed: int) -> list[Options]:
    """Draw the options of each trial; neither more trials nor the order in the file change those of a trial.

    >>> drawn({"epochs": 3, "maps": Distribution("randint", (1, 9))}, 3, seed=0)
    [{'epochs': 3, 'maps': 8}, {'epochs': 3, 'maps': 5}, {'epochs': 3, 'maps': 9}]
    """
    draws: list[Options] = []
    for number in range(trials):
        rng = np.random.default_rng((seed, number))
        values = {name: _draw(space[name], rng) for name in sorted(space)}
        draws.append({name: values[name] for name in space})
    return draws


def _draw(entry: Value | Distribution, rng: np.random.Generator) -> Value:
    if not isinstance(entry, Distribution):
        return entry
    if entry.kind == "choice":
        return entry.values[int(rng.integers(len(entry.values)))]
    low, high = (float(value) for value in entry.values)
    if entry.kind == "randint":
        return int(rng.integers(int(low), int(high), endpoint=True))
    if entry.kind == "loguniform":
        return math.exp(rng.uniform(math.log(low), math.log(high)))
    return float(rng.uniform(low, high))


def _entry(name: str, entry: Any, refuse: _Refusal) -> Value | Distribution:
    """Return the value or distribution of an option, every value checked."""
    if name not in NAMES:
        close = get_close_matches(name.replace("_", "-"), NAMES, 1)
        remedy = f"write {close[0]}" if close else f"the options are {', '.join(NAMES)}"
        raise refuse(f"has {name}, which is not an option that a sweep can choose", remedy)
    result = _distribution(name, entry, refuse) if isinstance(entry, dict) else entry
    if isinstance(result, Distribution) and name in _OF_THE_DATA:
        raise refuse(f"has {name} with a distribution; all trials must have the same pictures", "give it one value")
    for value in result.values if isinstance(result, Distribution) else [result]:
        if not isinstance(value, str | int | float):
            remedy = 'write it as on the command line, in quotes: "128,64"'
            raise refuse(f"{name} has {value!r}, which is neither text, a number nor true or false", remedy)
        try:
            interpret({name: value}, TrainingOptions(source=""))
        except InputError as error:
            raise refuse(f"has {name} = {value}: {error.rule}", error.remedy) from error
    return result


def _check_effects(space: Space, refuse: _Refusal) -> None:
    """Refuse an option that has no effect in any trial."""
    defaults = written(TrainingOptions(source=""))
    for name in space:
        for row in effects.rows("train", OPTIONS[name].field):
            beside = row.beside.replace("_", "-")
            if beside in defaults:
                entry = space.get(beside, defaults[beside])
                if not any(map(row.fits, entry.values if isinstance(entry, Distribution) else (entry,))):
                    given = "true" if row.give is True else f'"{row.give}"'
                    raise refuse(
                        f"has {name}, without effect in any trial", f"write {beside} = {given}, or leave it out"
                    )


def _distribution(name: str, entry: dict[str, Any], refuse: _Refusal) -> Distribution:
    if len(entry) != 1 or next(iter(entry)) not in KINDS:
        raise refuse(f"{name} has {{{', '.join(entry)}}}, not one of {', '.join(KINDS)}", "write {choice = [1, 2]}")
    ((kind, values),) = entry.items()
    if not isinstance(values, list) or not values:
        raise refuse(f"{name} has no list for {kind}", f"write e.g. {{{kind} = [1, 2]}}")
    if kind != "choice":
        types = (int,) if kind == "randint" else (int, float)
        if len(values) != 2 or any(type(value) not in types for value in values) or not values[0] < values[1]:
            rule = f"{name} has {kind} = {values}, which must be two {'integers' if types == (int,) else 'numbers'}"
            raise refuse(rule, f"give the lowest and the highest: {{{kind} = [1, 8]}}")
    if kind == "loguniform" and values[0] <= 0:
        raise refuse(f"{name} has loguniform = {values}, whose lowest must be above 0", "give e.g. 1e-4")
    return Distribution(kind, tuple(values))
