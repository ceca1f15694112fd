"""The options of a training: one value, validated, saved as JSON, written as people write them."""

from __future__ import annotations

import json
import typing
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.architecture import Architecture
from handgrad.cli.options import HELP
from handgrad.errors import InputError
from handgrad.runs import TrainingOptions
from handgrad.runs.written import OPTIONS, combine, written
from handgrad.training import Recipe
from handgrad.training.augmentation import AUGMENTATIONS

COUNTS = st.lists(st.integers(1, 200), max_size=3).map(tuple)
STAGES = st.lists(st.lists(st.integers(1, 64), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)


@st.composite
def drawn_options(draw: st.DrawFn) -> TrainingOptions:
    network = {
        "stages": draw(STAGES),
        "hidden": draw(COUNTS),
        "filter_size": draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
        "pooling": draw(st.integers(1, 3)),
        "maps": draw(st.none() | st.integers(1, 9)),
    }
    recipe = Recipe(
        epochs=draw(st.none() | st.integers(1, 9)),
        learning_rate=draw(st.none() | st.floats(1e-6, 1)),
        augment=tuple(draw(st.lists(st.sampled_from(AUGMENTATIONS), unique=True))),
        optimizer=draw(st.sampled_from(["adamw", "sgd"])),
        early_stopping=draw(st.booleans()),
    )
    return TrainingOptions(
        source=draw(st.text()),
        network=network,
        recipe=recipe,
        seed=draw(st.integers(0, 2**32 - 1)),
        size=draw(st.none() | st.tuples(st.integers(1, 4096), st.integers(1, 4096))),
        strict=draw(st.booleans()),
        group_by=draw(st.none() | st.text()),
        workers=draw(st.none() | st.integers(1, 9)),
    )


@given(drawn_options())
def test_json_gives_them_back(options: TrainingOptions) -> None:
    assert TrainingOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


@given(drawn_options())
def test_what_is_written_is_read_again(options: TrainingOptions) -> None:
    start = TrainingOptions(source=options.source, workers=options.workers)
    assert combine(written(options), start) == options


def test_their_names_are_stable() -> None:
    assert json.loads(json.dumps(TrainingOptions(source="digits").to_dict())) == {
        "source": "digits",
        "network": {"stages": [[16, 16]], "filter_size": [3, 3], "pooling": 2, "hidden": [64], "maps": None},
        "recipe": Recipe().to_dict() | {"augment": []},
        "seed": 0,
        "engine": "fused",
        "size": None,
        "strict": False,
        "group_by": None,
        "workers": None,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": {"depth": 3}}, r"network=\['depth'\]: its sizes are stages, filter_size, pooling, hidden, maps"),
        ({"network": {"classes": 3}}, r"network=\['classes'\]: its sizes are"),
        ({"network": {"pooling": 0}}, "pooling=0: must be an integer of at least 1"),
        ({"seed": -1}, "seed=-1: must be from 0"),
        ({"size": (0, 8)}, r"size=\(0, 8\): height and width"),
        ({"engine": "torch"}, "engine=torch: the engines are fused, notes"),
        ({"workers": 0}, "workers=0: must be an integer of at least 1"),
        ({"strict": "yes"}, "strict=yes: must be bool"),
        ({"source": 3}, "source=3: must be str"),
        ({"group_by": 3}, r"group_by=3: must be str \| None"),
        ({"recipe": {}}, "recipe={}: must be Recipe"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_when_they_are_made(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingOptions(**{"source": "digits", **change})


@pytest.mark.parametrize("change", [{"more": 1}, {"recipe": None}, {"recipe": {"more": 1}}, {"network": []}], ids=str)
def test_json_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        TrainingOptions.from_dict(TrainingOptions(source="digits").to_dict() | change)


def test_the_command_line_has_an_option_with_help_for_every_choice() -> None:
    assert sorted(HELP) == sorted(OPTIONS)
    reachable = {(option.group, option.field) for option in OPTIONS.values()}
    assert {("recipe", field.name) for field in fields(Recipe)} <= reachable
    sizes = {field.name for field in fields(Architecture)} - {"input_shape", "classes"}
    assert {("network", name) for name in sizes} <= reachable
    rest = {field.name for field in fields(TrainingOptions)} - {"source", "network", "recipe", "workers"}
    assert {("", name) for name in rest} <= reachable


def test_every_type_of_value_has_a_form() -> None:
    plain = (int, float, str, bool)
    for option in OPTIONS.values():
        assert option.form.metavar or option.type in plain or typing.get_origin(option.type) is typing.Literal
