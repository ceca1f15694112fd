"""The table of options: it has every option there is, and what has no effect is told or refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

from handgrad import HandgradClassifier, cli, effects
from handgrad.cli import typed
from handgrad.errors import HandgradWarning, InputError
from handgrad.estimator.translation import _NAMES
from tests.cli.conftest import Run, here, run

__all__ = ["here", "run"]  # fixtures
SMALL = ("--filters", "2", "--hidden", "none", "--epochs", "1", "--engine", "notes")
X, Y = np.random.default_rng(0).integers(0, 256, (24, 6, 6), np.uint8), np.arange(24) % 2


def options_of_all() -> set[tuple[str, str]]:
    """Every option of every command, and every parameter of the classifier, by the library's names."""
    library = {own: name for name, own in _NAMES.items()}
    found = {(effects.CLASSIFIER, library.get(name, name)) for name in HandgradClassifier().get_params()}
    for command, parsed in get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        names = (parameter.name for parameter in parsed.params if parameter.name != "help")
        found |= {(command, typed._OF_LIBRARY.get(name, name)) for name in names}
    return found


def test_the_table_has_every_option() -> None:
    assert sorted(option for option in options_of_all() if not effects.rows(*option)) == []


def test_the_table_has_nothing_else() -> None:
    every = options_of_all()
    names = {name for _, name in every}
    for row in effects.TABLE:
        assert {(place, row.name) for place in row.places} <= every, row
        assert row.name in names, row
        assert row.beside in names | {"", "cached", "format", "image", "workers", "cluster"}, row


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--momentum", "0.5"), "--momentum=0.5: has no effect with --optimizer adamw; give --optimizer sgd, or leave"),
        (("--patience", "3"), "--patience=3: has no effect without --early-stopping; give --early-stopping, or leave"),
        (("--threads", "2"), "--threads=2: has no effect with --engine notes; give --engine fused, or leave it out"),
        (("--no-cache",), "--no-cache: has no effect on this source, which is not a folder of pictures; leave it out"),
        (("--cache", "x"), "--cache=x: has no effect on this source, which is not a folder of pictures; leave it out"),
        (("--overwrite",), "--overwrite: has no effect without --out; leave it out"),
        (("--maps", "2"), "maps have no effect: no convolution reads several channels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_training_tells_what_has_no_effect(run: Run, here: Path, options: tuple[str, ...], line: str) -> None:
    done = run("train", "digits", *SMALL, *options)
    assert done.code == 0
    assert [told for told in done.err.splitlines() if told.startswith(f"handgrad: {line}")]


def test_what_is_left_out_is_not_told(run: Run, here: Path) -> None:
    done = run(
        "train", "digits", *SMALL, "--optimizer", "sgd", "--momentum", "0.5", "--early-stopping", "--patience", 2
    )
    assert "effect" not in done.err


def test_contradictions_are_refused(run: Run, here: Path) -> None:
    for command in (("train", "digits"), ("evaluate", "m", "digits")):
        assert (
            run(*command, "--cache", "x", "--no-cache").complaint == "--cache=x: contradicts --no-cache; leave it out"
        )


def test_the_other_commands_tell_it_too(run: Run, here: Path, trained: Path) -> None:
    done = run("evaluate", trained, "digits", "--engine", "notes", "--threads", 2, "--overwrite")
    assert done.code == 0
    assert [line.partition(":")[2].partition(":")[0] for line in done.err.splitlines()] == [
        " --threads=2",
        " --overwrite",
    ]
    assert "--json: has no effect with --clear; leave it out" in run("cache", "--cache", here, "--clear", "--json").err


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"momentum": 0.5}, "momentum=0.5: has no effect with solver=adamw; give solver=sgd, or leave it out"),
        ({"n_iter_no_change": 3}, "n_iter_no_change=3: has no effect without early_stopping=True; give early_stopping"),
        ({"validation_fraction": 0.3}, "validation_fraction=0.3: has no effect without early_stopping=True; give"),
        ({"n_threads": 2}, "n_threads=2: has no effect with engine=notes; give engine=fused, or leave it out"),
        ({"solver": "sgd", "momentum": 0.5, "early_stopping": True, "validation_fraction": 0.3}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_classifier_warns(parameters: dict[str, Any], text: str | None) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        HandgradClassifier(stages=((2,),), max_iter=1, engine="notes").set_params(**parameters).fit(X, Y)
    assert [warning.category for warning in caught] == ([HandgradWarning] if text else [])
    assert all(str(warning.message).startswith(str(text)) for warning in caught)


def test_the_classifier_warns_of_convolutions_that_see_no_image() -> None:
    with pytest.warns(
        HandgradWarning, match=r"stages=\(\(2,\),\): has no effect on rows of numbers .*; give image_shape"
    ):
        HandgradClassifier(stages=((2,),), max_iter=1, engine="notes").fit(X.reshape(24, 36)[:, :20], Y)


@pytest.mark.parametrize(
    ("parameters", "images", "words"),
    [
        ({"n_threads": 5000}, X, "n_threads=5000: must be at least 1 and at most 1024, a whole"),
        ({"n_threads": 1.5}, X, "n_threads=1.5: must be at least 1"),
        ({"early_stopping": True}, X[:8], "early_stopping=True: validation_fraction=0.1 holds out 1 of 8 images, and"),
        ({"early_stopping": True, "validation_fraction": 0.9}, X[:8], "early_stopping=True: validation_fraction=0.9"),
        ({"early_stopping": True, "validation_fraction": 2}, X, "validation_fraction=2: must be a number between 0"),
        ({}, X[None, ..., None], "X=5 dimensions: must have 2 dimensions"),
        ({"max_iter": 10**20}, X, f"max_iter={10**20}: must be at most 1,000,000,000"),
    ],
)
def test_values_out_of_range_name_the_parameter(parameters: dict[str, Any], images: Any, words: str) -> None:
    classifier = HandgradClassifier(stages=((2,),)).set_params(**({"max_iter": 1} | parameters))
    with pytest.raises(InputError) as refused:
        classifier.fit(images, Y[: len(images)])
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("wanted", ["", "5000", "9" * 5000, "0", "1.5"])
def test_the_environments_threads_name_it(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("HANDGRAD_NUM_THREADS", wanted)
    assert run("train", "digits").complaint.startswith("HANDGRAD_NUM_THREADS=")
