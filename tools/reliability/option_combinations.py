"""Drawn combinations of a training's options: each trains, and names exactly what has no effect, or is one error."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

import numpy as np

from handgrad import cli
from tools.reliability.trial import Outcome

SECTION = "Folders and options"
TITLE = (
    "Drawn combinations of the options of `train`: it trains, and names each option without effect on stderr, and no "
    "other; or it ends with one line that names an option that was typed"
)
FOUND = (
    "`--momentum` with AdamW, `--patience` without `--early-stopping`, `--threads` with the notes engine and `--cache` "
    "with `--no-cache` did nothing without a word; sizes that do not fit named `input_shape`, which nobody types. One "
    "table now says which options need which others; errors show options and values as they are typed."
)
COMBINATIONS = 200

_BASE = ("--epochs", "1", "--hidden", "none", "--engine", "notes")
_OPTIONS: tuple[tuple[str, ...], ...] = (
    *(("--momentum", "0.5"), ("--optimizer", "sgd"), ("--patience", "2"), ("--early-stopping",), ("--threads", "2")),
    *(("--cache", "kept"), ("--no-cache",), ("--overwrite",), ("--out", "made"), ("--filters", "2/2/2")),
    *(("--filters", "2"), ("--filter-size", "99x99"), ("--pooling", "100"), ("--size", "2x2"), ("--size", "0x9")),
    *(("--size", "12x12"), ("--maps", "2"), ("--group-by", ""), ("--batch-size", "64"), ("--schedule", "constant")),
    *(("--weight-decay", "0"), ("--learning-rate", "0.001"), ("--seed", "3"), ("--strict",)),
    *(("--class-weight", "balanced"), ("--augment", "shift")),
)
_WRONG = {("--filter-size", "99x99"), ("--pooling", "100"), ("--size", "2x2"), ("--size", "0x9"), ("--group-by", "")}


def _silent(typed: set[str]) -> set[str]:
    """Return the options without effect among those that were typed, as the documentation has it."""
    needs = {"--momentum": "--optimizer", "--patience": "--early-stopping", "--overwrite": "--out"}
    without = {option for option, other in needs.items() if option in typed and other not in typed}
    return without | (typed & {"--threads", "--cache", "--no-cache"})


def _held(words: list[tuple[str, ...]]) -> bool:
    typed = {option for option, *_ in words}
    arguments = ["train", "digits", *_BASE, *(part for option in words for part in option)]
    stdout, stderr = io.StringIO(), io.StringIO()
    from handgrad.cli import display

    display.stdout.file, display.stderr.file = stdout, stderr
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = cli.run(arguments)
    lines = stderr.getvalue().splitlines()
    contradicts = {"--cache", "--no-cache"} <= typed or ("--filters", "2/2/2") in words
    if code == 2:
        named = re.match(r"handgrad: error: (--[\w-]+)[=:]", lines[-1])
        wrong = contradicts or any(each in _WRONG for each in words)
        return len(lines) == 1 and wrong and named is not None and named[1] in typed
    told = {match[1] for line in lines if (match := re.match(r"handgrad: (--[\w-]+)(?:=[^:]*)?: has no effect", line))}
    shutil.rmtree("runs", ignore_errors=True)
    shutil.rmtree("made", ignore_errors=True)
    return code == 0 and told == _silent(typed) and not any(each in _WRONG for each in words)


def trial(folder: Path) -> Outcome:
    """Draw combinations and run each of them."""
    held, before = 0, Path.cwd()
    os.chdir(folder)
    try:
        for seed in range(COMBINATIONS):
            rng = np.random.default_rng(seed)
            drawn = rng.choice(len(_OPTIONS), size=int(rng.integers(1, 6)), replace=False)
            words = list({_OPTIONS[index][0]: _OPTIONS[index] for index in drawn}.values())
            held += _held(words)
    finally:
        os.chdir(before)
    return Outcome(COMBINATIONS, held)
