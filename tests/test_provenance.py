"""What a model says of itself is plain, whatever it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.errors import ModelFileError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.provenance import plain, told
from handgrad.standardization import Standardization

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
VALUES = st.recursive(LEAVES, lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside), max_leaves=20)


def model(provenance: dict[str, Any], classes: tuple[str, ...] = ("a", "b")) -> Model:
    network = Parameters.zeros(Architecture(input_shape=(6, 6, 1), classes=len(classes), stages=((1, 1),), hidden=()))
    return Model(network, classes, Standardization((0.0,), (1.0,)), provenance)


@given(VALUES)
def test_any_value_comes_back_as_json_holds_it(value: Any) -> None:
    held = plain(value)
    assert json.loads(json.dumps(held, allow_nan=False)) == held
    assert plain(held) == held


def test_what_json_cannot_hold_becomes_a_text() -> None:
    given: dict[str, Any] = {"path": Path("photos"), "rate": np.float32(0.5), "count": np.int64(3), "loss": np.nan}
    assert plain(given) == {"path": "photos", "rate": 0.5, "count": 3, "loss": "nan"}


def test_an_endless_nest_ends() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(json.dumps(plain({"deep": deep}))) < 1000


def written(path: Path, text: str) -> Path:
    """A model file whose provenance is this text, as no program of ours would write it."""
    content = model_file.to_bytes(model({"data": "this"}))
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"]["provenance"] = f'{{"data": {text}}}'
    changed = json.dumps(header).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + size :])
    return path


ODD = ("NaN", "1e999", "-Infinity", "1" * 4000, '"\\ud800"', "[[]]", "true", "[" * 90 + "]" * 90)
UNREADABLE = {"deep": "[" * 50_000 + "]" * 50_000, "long": "1" * 5000, "open": "[", "none": ""}


@pytest.mark.parametrize("text", ODD)
def test_a_model_file_may_say_anything(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "model.safetensors", text)
    read = model_file.load(path)
    model_file.save(read, path)
    assert model_file.load(path).provenance == read.provenance


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_as_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelFileError, match="its metadata does not fit"):
        model_file.load(written(tmp_path / "model.safetensors", text))


def test_classes_of_any_name_survive_a_file(tmp_path: Path) -> None:
    names = ("\udcff", "\x00", "\u202e", "ü")
    model_file.save(model({}, names), tmp_path / "model.safetensors")
    assert model_file.load(tmp_path).classes == names


def test_only_what_has_its_kind_is_told() -> None:
    says = {"data": {"source": "digits"}, "seed": True, "recipe": [1]}
    assert told(says, "data", "source", kind=str) == "digits"
    for names in (("seed",), ("data", "seed"), ("recipe", "seed"), ("recipe", "0", "seed")):
        assert told(says, *names, kind=int) is None
