"""The library's arguments, values and errors as people type them on the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer

from handgrad import effects
from handgrad.data.source import kind_of
from handgrad.errors import HandgradError, InputError
from handgrad.runs.written import OPTIONS

_PARAMETERS = {"stages": "filters", "folder": "resume", "path": "out", "accuracy": "data"}
"""The commands' names of the library's arguments, where they differ by more than hyphens."""

_OF_LIBRARY = {"filters": "stages", "cache_folder": "cache", "folder": "cache", "model_paths": "model"}
"""The library's names of the commands' parameters, where they differ."""

_RULES = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
}
"""What Pydantic, which reads plain values, calls what is wrong."""


class Refused(HandgradError):
    """An error in the words of the command line."""


def option(parameters: Sequence[Any], argument: str) -> str:
    """Return what a command calls an argument of the library: an option, or the name of what has none."""
    own = any(parameter.name == argument for parameter in parameters)
    name = argument if own else _PARAMETERS.get(argument, argument)
    flag = f"--{name.replace('_', '-')}"
    return flag if any(flag in parameter.opts for parameter in parameters) else name


def value(argument: str, given: Any) -> str:
    """Return a value as it is typed.

    >>> value("size", (28, 32)), value("learning_rate", -1.0), value("stages", ((8,), (16, 16))), value("hidden", ())
    ('28x32', '-1', '8/16,16', 'none')
    """
    written = OPTIONS.get(_PARAMETERS.get(argument, argument).replace("_", "-"))
    if isinstance(given, tuple | list) and written:
        given = written.form.write(given)
    if isinstance(given, float) and given.is_integer() and abs(given) < 1e16:
        return str(int(given))
    return "none" if given is None else str(given)


def shown(parameters: Sequence[Any], argument: str, given: Any) -> str:
    """Return an option with its value as it is typed; without one if it is None or a flag."""
    name = option(parameters, argument)
    return name if given is None or given is True else f"{name} {value(argument, given)}"


def text(parameters: Sequence[Any], error: InputError) -> str:
    """Return an error of the library in the words of a command."""
    name, argument = option(parameters, error.argument), error.argument
    said = name if error.value is True else f"{name}={value(argument, error.value)}"
    remedy = re.sub(r"^try (\(.*\))$", lambda match: f"try {_typed(argument, match[1])}", error.remedy)
    return f"{said}: {_renamed(parameters, error.rule)}; {_renamed(parameters, remedy)}"


def usage(error: typer.TyperException) -> str:
    """Return rule, value and remedy of an argument that Typer refused."""
    message = error.format_message().rstrip(".")
    details, parameter = getattr(error.__cause__, "errors", None), getattr(error, "param", None)
    if callable(details) and parameter is not None:
        refused = details()[0]
        choices = re.search(r"is not one of (.*)", message)
        rule = f"must be one of {choices[1]}".replace("'", "") if choices else _RULES.get(refused["type"], "")
        if rule:
            rule = rule.format(**refused.get("ctx", {}))
            message = f"{max(parameter.opts, key=len)}={refused['input']}: {rule}"
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path if context else 'handgrad'} --help"


def given(context: typer.Context) -> dict[str, Any]:
    """Return what was typed, by the library's names."""
    typed = (
        name for name in context.params if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    )
    return {_OF_LIBRARY.get(name, name): context.params[name] for name in typed}


def without_effect(context: typer.Context, values: Mapping[str, Any] | None = None) -> list[str]:
    """Refuse options that contradict each other; return a line for each without effect beside these values of all."""
    parameters = context.command.params
    known = {_OF_LIBRARY.get(name, name): each for name, each in (context.params | dict(values or {})).items()}
    kind = kind_of(known["source"]) if known.get("source") else None
    if kind:
        known["cached"] = kind.cached
    found = effects.without_effect(
        context.info_name or "", given(context), known, lambda name, each: shown(parameters, name, each)
    )
    return [text(parameters, error) for error in found]


def empty(arguments: list[str]) -> Iterator[str]:
    """Yield the names of the options that were given an empty value.

    >>> list(empty(["digits", "--out", "", "--seed=", "--strict"]))
    ['--out', '--seed']
    """
    for before, word in zip(["", *arguments], arguments, strict=False):
        if word == "":
            yield before if before.startswith("-") else "argument"
        elif re.fullmatch(r"--[\w-]+=", word):
            yield word.removesuffix("=")


def _typed(argument: str, literal: str) -> str:
    try:
        return value(argument, ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return literal


def _renamed(parameters: Iterable[Any], sentence: str) -> str:
    """Name options where the library names its arguments."""
    sentence = sentence.replace("set overwrite=True", "give --overwrite")
    for flag in (flag for parameter in parameters for flag in parameter.opts if flag.startswith("--")):
        name = flag.removeprefix("--").replace("-", "_")
        if "_" in name:
            sentence = re.sub(rf"(?<![\w-]){name}(=True)?(?!\w)", flag, sentence)
    return sentence
