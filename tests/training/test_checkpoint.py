"""Checkpoints on disk: what is written is read again, and every file that is none is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handgrad import engine as engines
from handgrad import optimizer as optimizers
from handgrad.architecture import Architecture
from handgrad.errors import CheckpointError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Epoch, Recipe, State, checkpoint
from handgrad.training.checkpoint import Checkpoints
from tests.test_model_file import _json

SETTINGS = {"source": "digits", "seed": 3, "filters": [[2, 2]]}
VALUES: dict[str, Any] = {
    "settings": SETTINGS,
    "provenance": {"data": {"sha256": "0"}, "versions": {}},
    "sums": {"step": 5, "correct": 2, "loss": 0.1, "seconds": 0.7},
}


def model(seed: int = 0) -> Model:
    architecture = Architecture(input_shape=(6, 6, 1), stages=((2, 2),), hidden=(3,))
    parameters = Parameters.draw(architecture, np.random.default_rng(seed))
    return Model(parameters, ("a", "b"), Standardization((1.0,), (2.0,)), VALUES["provenance"])


def state(recipe: Recipe, of: Model) -> State:
    optimizer = optimizers.create(recipe, of.parameters)
    rng = np.random.default_rng(1)
    optimizer.remember({name: rng.random(vector.shape) for name, vector in optimizer.memory().items()}, 5)
    history = [Epoch(1, 3, 1 / 3, 0.5, 2 / 3, 0.25, 1e-3, 0.1), Epoch(2, 3, 1 / 7, 0.75, 0.1, 1.0, 1e-4, 0.3)]
    best = rng.random(of.parameters.vector.shape).astype(np.float32) if recipe.early_stopping else None
    return State(optimizer, **VALUES["sums"], history=history, best=best)


def write(path: Path, texts: dict[str, str], **tensors: Any) -> Path:
    adam = optimizers.create(Recipe(), model().parameters).memory()
    whole = {"parameters": model().parameters.vector, **adam, "history": np.zeros((0, 8)), **tensors}
    path.write_bytes(checkpoint.signed(texts, {name: tensor for name, tensor in whole.items() if tensor is not None}))
    return path


def texts(**changes: str) -> dict[str, str]:
    sound = {name: json.dumps(value) for name, value in VALUES.items()}
    return {"format": checkpoint.FORMAT, "version": checkpoint.VERSION, **sound, **changes}


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        restored(path, model())
    text = str(caught.value)
    assert text.startswith(f"checkpoint={path}: ")
    assert "\n" not in text
    assert "; " in text  # the remedy
    return text


def restored(path: Path, into: Model, recipe: Recipe | None = None) -> State:
    engine = engines.create("notes", into.standardization)
    return checkpoint.load(path).restore(into, recipe or Recipe(), engine)


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(optimizer="sgd"), Recipe(early_stopping=True)])
def test_what_is_written_is_read_again_bit_for_bit(tmp_path: Path, recipe: Recipe) -> None:
    written, kept = model(), Checkpoints(tmp_path)
    before = state(recipe, written)
    kept.write(written, before, SETTINGS)
    (path,) = kept.paths()
    again = model(seed=1)
    after = restored(path, again, recipe)
    assert again.parameters.vector.tobytes() == written.parameters.vector.tobytes()
    assert (after.step, after.correct, after.loss, after.seconds) == (5, 2, 0.1, 0.7)
    assert after.history == before.history
    one, other = before.optimizer.memory(), after.optimizer.memory()
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert getattr(after.optimizer, "steps", 5) == 5
    assert (after.best is None) == (before.best is None)
    assert checkpoint.load(path).settings == SETTINGS


def test_the_last_two_are_kept_and_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    kept, of = Checkpoints(tmp_path), model()
    standing = state(Recipe(), of)
    (kept.folder).mkdir()
    (kept.folder / ".step-00000003.safetensors.abcd1234").touch()
    (kept.folder / "mine.txt").touch()
    for step in (3, 7, 7, 12):
        standing.step = step
        kept.write(of, standing, SETTINGS)
    assert [path.name for path in kept.paths()] == ["step-00000012.safetensors", "step-00000007.safetensors"]
    assert len(list(kept.folder.iterdir())) == 3
    kept.clear()
    assert [path.name for path in kept.folder.iterdir()] == ["mine.txt"]
    (kept.folder / "mine.txt").unlink()
    kept.clear()
    assert not kept.folder.exists()


def test_a_corrupted_one_that_was_skipped_is_removed_with_the_next_and_the_valid_one_is_kept(tmp_path: Path) -> None:
    kept, of = Checkpoints(tmp_path), model()
    standing = state(Recipe(), of)
    for standing.step in (3, 7):
        kept.write(of, standing, SETTINGS)
    (kept.folder / "step-00000007.safetensors").write_bytes(b"")
    again, told = Checkpoints(tmp_path), list[CheckpointError]()
    found = again.newest(told.append)
    assert found is not None
    assert (found.sums["step"], [error.value for error in told]) == (3, [kept.folder / "step-00000007.safetensors"])
    standing.step = 5
    again.write(of, standing, SETTINGS)
    assert [path.name for path in again.paths()] == ["step-00000005.safetensors", "step-00000003.safetensors"]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    of, path = model(), tmp_path / "cut"
    content = checkpoint.to_bytes(of, state(Recipe(), of), SETTINGS)
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert "not a valid safetensors file" in refusal(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    of, again, path = model(), model(seed=1), tmp_path / "changed"
    content = bytearray(checkpoint.to_bytes(of, state(Recipe(), of), SETTINGS))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        after = restored(path, again)
    except CheckpointError:
        refusal(path)
    else:  # e.g. a space of the header
        assert again.parameters.vector.tobytes() == of.parameters.vector.tobytes()
        assert after.step == 5


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["settings", "provenance", "sums", "version", "format"]), _json.map(json.dumps)))
def test_any_texts_under_a_right_checksum_are_restored_or_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    path = write(tmp_path / "any", texts(**changes))
    try:
        restored(path, model())
    except CheckpointError:
        refusal(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "handgrad"},
        {"version": "2"},
        {"settings": "[" * 100_000},
        {"settings": "[]"},
        {"provenance": "{}"},
        {"provenance": '{"data": 3, "versions": {}}'},
        {"provenance": '{"data": {"sha256": "0"}, "versions": []}'},
        {"sums": "{}"},
        {"sums": '{"step": -1, "correct": 0, "loss": 0.0, "seconds": 0.0}'},
        {"sums": '{"step": true, "correct": 0, "loss": 0.0, "seconds": 0.0}'},
        {"sums": '{"step": 1, "correct": 0, "loss": NaN, "seconds": 0.0}'},
        {"sums": '{"step": 1, "correct": 0, "loss": 1e999, "seconds": 0.0}'},
        {"sums": '{"step": ' + "9" * 5000 + ', "correct": 0, "loss": 0.0, "seconds": 0.0}'},
    ],
    ids=str,
)
def test_texts_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    restored(write(tmp_path / "sound", texts()), model())
    refusal(write(tmp_path / "wrong", texts(**changes)))


@pytest.mark.parametrize(
    "tensors",
    [
        {"parameters": None},
        {"parameters": np.zeros(3, np.float32)},
        {"m": np.zeros(model().parameters.vector.shape)},
        {"best": model().parameters.vector},
        {"history": None},
        {"history": np.zeros(8)},
        {"history": np.zeros((1, 7))},
        {"history": np.zeros((1, 8), np.float32)},
        {"history": np.full((1, 8), np.nan)},
        {"history": np.full((1, 8), 2.0)},
    ],
    ids=lambda tensors: f"{[(name, getattr(value, 'shape', None)) for name, value in tensors.items()]}",
)
def test_tensors_that_do_not_fit_are_refused(tmp_path: Path, tensors: dict[str, Any]) -> None:
    refusal(write(tmp_path / "wrong", texts(), **tensors))


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert "cannot be read (No such file" in refusal(tmp_path / "missing")
    assert "cannot be read (Is a directory)" in refusal(tmp_path)


def changed(content: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A safetensors file with another header before the same numbers."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def rename(header: dict[str, Any], old: str, new: str) -> None:
    header[new] = header.pop(old)


def swap(header: dict[str, Any], one: str, other: str) -> None:
    header[one], header[other] = header[other], header[one]


def reshape(header: dict[str, Any], name: str, *shape: int) -> None:
    header[name]["shape"] = list(shape)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: swap(header, "m", "v"),
        lambda header: rename(header, "best", "bfst"),  # in the same position of the order
        lambda header: rename(header, "m", "n"),
        lambda header: header["m"].update(dtype="I32"),
        lambda header: header["history"].update(dtype="I64"),
        lambda header: reshape(header, "m", 1, *header["m"]["shape"]),
        lambda header: reshape(header, "history", *header["history"]["shape"][::-1]),
        lambda header: header["__metadata__"].update(settings='{"source": "digits", "seed": 4}'),
        lambda header: header["__metadata__"].update(provenance='{"data": {"sha256": "1"}, "versions": {}}'),
        lambda header: header["__metadata__"].update(
            sums='{"step": 6, "correct": 2, "loss": 0.1, "seconds": 0.7}',
        ),
        lambda header: header["__metadata__"].update(more="1"),
        lambda header: header["__metadata__"].pop("sha256"),
    ],
    ids=[
        *("names swapped", "renamed in order", "renamed", "dtype", "dtype of the history", "one more axis", "turned"),
        *("settings", "provenance", "sums", "more metadata", "no checksum"),
    ],
)
def test_the_checksum_covers_everything_in_a_file(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    of, recipe, path = model(), Recipe(early_stopping=True), tmp_path / "changed"
    content = checkpoint.to_bytes(of, state(recipe, of), SETTINGS)
    path.write_bytes(changed(content, lambda _: None))
    restored(path, model(), recipe)
    path.write_bytes(changed(content, change))
    assert "is corrupted: its checksum is not that of its content" in refusal(path)
