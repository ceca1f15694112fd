"""Models on disk: what is written is read again, and every file that is no model is refused by name."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.errors import HandgradError, ModelFileError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from tests.notes.strategies import architectures, generators
from tests.privileges import without_privileges

SMALL = Architecture(input_shape=(6, 6, 1), stages=((2, 2),), hidden=(3,))


def model(architecture: Architecture = SMALL, seed: int = 0, dtype: str = "float32", **changes: Any) -> Model:
    channels = architecture.input_shape[2]
    given: dict[str, Any] = {
        "parameters": Parameters.draw(architecture, np.random.default_rng(seed), dtype),
        "classes": tuple(f"class {n}" for n in range(architecture.classes)),
        "standardization": Standardization((12.5,) * channels, (3.25,) * channels),
        "provenance": {"seed": 7, "data": {"source": "digits"}},
    }
    return Model(**{**given, **changes})


def same(one: Model, other: Model) -> bool:
    return (
        one.architecture == other.architecture
        and one.parameters.vector.dtype == other.parameters.vector.dtype
        and one.parameters.vector.tobytes() == other.parameters.vector.tobytes()
        and (one.classes, one.standardization, one.provenance, one.pixel_range, one.file_ranges)
        == (other.classes, other.standardization, other.provenance, other.pixel_range, other.file_ranges)
    )


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        model_file.load(path)
    text = str(caught.value)
    assert text.startswith(f"model={path}: ")
    assert "\n" not in text
    assert "; " in text  # the remedy
    return text


def metadata(**changes: str) -> dict[str, str]:
    """The metadata of a valid file, some of it changed."""
    content = model_file.to_bytes(model())
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return {**header["__metadata__"], **changes}


def write(path: Path, texts: dict[str, str], tensors: dict[str, Any] | None = None) -> Path:
    safetensors.numpy.save_file(dict(model().parameters) if tensors is None else tensors, path, texts)
    return path


@settings(max_examples=20)
@given(architectures(), generators, st.sampled_from(["float32", "float64"]))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, architecture: Architecture, rng: np.random.Generator, dtype: str
) -> None:
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    saved = model(architecture, int(rng.integers(100)), dtype)
    model_file.save(saved, path)
    assert same(model_file.load(path), saved)
    assert same(model_file.load(path.parent), saved)


def test_names_in_any_script_and_paths_that_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "Größe 大 model.safetensors"
    provenance = {"source": "b\udce9d", "command": "handgrad train 'ä b'"}
    saved = model(classes=('schön "quoted"', "缺陷\n[bold]"), provenance=provenance)
    model_file.save(saved, path)
    assert same(model_file.load(path), saved)


def test_equal_models_give_equal_bytes_in_any_process() -> None:
    content = model_file.to_bytes(model())
    assert all(model_file.to_bytes(model()) == content for _ in range(20))
    assert model_file.to_bytes(model(seed=1)) != content
    program = (
        "import hashlib; from handgrad import model_file; from tests.test_model_file import model;"
        "print(hashlib.sha256(model_file.to_bytes(model())).hexdigest())"
    )
    root = Path(__file__).parents[1]
    outputs = {
        subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_other_readers_of_safetensors_find_the_parameters_by_the_notes_names(tmp_path: Path) -> None:
    saved = model()
    model_file.save(saved, tmp_path / "model.safetensors")
    tensors = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    assert tensors.keys() == {"F1", "F2", "w1", "b1", "w2", "b2"}
    for name, values in saved.parameters.items():
        np.testing.assert_array_equal(tensors[name], values)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content, path = model_file.to_bytes(model()), tmp_path / "cut.safetensors"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert "no valid safetensors file" in refusal(path)
    path.write_bytes(content + b"\0")
    assert "no valid safetensors file" in refusal(path)


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_a_changed_byte_is_refused_or_a_model(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(model_file.to_bytes(model()))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("changed") / "model.safetensors"
    path.write_bytes(content)
    try:
        assert isinstance(model_file.load(path), Model)
    except ModelFileError:
        refusal(path)


def test_what_is_no_model_is_refused_and_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    Image.new("L", (9, 9)).save(tmp_path / "picture.png")
    (tmp_path / "pickle.pkl").write_bytes(pickle.dumps(Trap()))
    np.savez(tmp_path / "arrays.npz", F1=np.zeros(3))
    (tmp_path / "text.txt").write_text("F1, F2, w1\n" * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "huge header").write_bytes(b"\xff" * 100)
    for path in sorted(tmp_path.iterdir()):
        assert "no valid safetensors file" in refusal(path)
    assert not (tmp_path / "sprung").exists()


def test_what_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "there is no such file" in refusal(tmp_path / "missing")
    with pytest.raises(ModelFileError, match=r"folder/model\.safetensors: there is no such file"):
        model_file.load(tmp_path / "folder")
    (tmp_path / "folder" / "model.safetensors").mkdir()
    with pytest.raises(ModelFileError, match=r"folder/model\.safetensors: "):
        model_file.load(tmp_path / "folder")


@pytest.mark.parametrize("name", ["x" * 300, "file/below"])
def test_paths_the_system_refuses(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    refusal(tmp_path / name)


def test_a_file_without_permission_is_refused(open_folder: Path) -> None:
    path = open_folder / "model.safetensors"
    model_file.save(model(), path)
    path.chmod(0)
    program = "from handgrad import model_file", f"model_file.load({str(path)!r})"
    assert f"ModelFileError: model={path}: cannot be read (" in without_privileges(*program)
    open_folder.chmod(0)
    assert f"ModelFileError: model={path}: cannot be read (" in without_privileges(*program)


@pytest.mark.parametrize("version", ["0", "4", "", "1.0", "one"])
def test_another_version_is_refused(tmp_path: Path, version: str) -> None:
    text = refusal(write(tmp_path / "model", metadata(version=version)))
    assert f"format version {version}, and this handgrad reads version 3" in text


def test_safetensors_of_something_else_is_refused(tmp_path: Path) -> None:
    for texts in ({}, {"format": "pt"}, {"title": "résumé"}):
        assert "of no handgrad model" in refusal(write(tmp_path / "model", texts))
    assert "format version None" in refusal(write(tmp_path / "model", {"format": "handgrad"}))


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in model().parameters.items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "tensors are not those of its architecture"),
        (_without("b1"), "tensors are not those"),
        ({**model().parameters, "b3": np.zeros(2, "f4")}, "tensors are not those"),
        ({**model().parameters, "b2": np.zeros(3, "f4")}, "tensors are not those"),
        ({**model().parameters, "w2": np.zeros((2, 3), "f4")}, "tensors are not those"),
        ({**model().parameters, "b2": np.zeros(2, "f8")}, "not all float32 or float64"),
        ({name: value.astype("f2") for name, value in model().parameters.items()}, "not all float32 or float64"),
        ({name: value.astype("i4") for name, value in model().parameters.items()}, "not all float32 or float64"),
        ({**model().parameters, "b2": np.array([0, np.nan], "f4")}, "numbers that are not finite"),
        ({**model().parameters, "b2": np.array([np.inf, 0], "f4")}, "numbers that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(tmp_path: Path, tensors: dict[str, Any], words: str) -> None:
    assert words in refusal(write(tmp_path / "model", metadata(), tensors))


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "{"},
        {"architecture": "[" * 100_000},
        {"architecture": '{"width": 3}'},
        {"architecture": '{"input_shape": [2, 2, 1]}'},
        {"architecture": "null"},
        {"classes": '["a"]'},
        {"classes": '["a", "a"]'},
        {"classes": '"ab"'},
        {"classes": "[1, 2]"},
        {"classes": "[[], {}]"},
        {"standardization": "{}"},
        {"standardization": '{"mean": [0], "std": [0]}'},
        {"standardization": '{"mean": [NaN], "std": [1]}'},
        {"standardization": '{"mean": [0, 0], "std": [1, 1]}'},
        {"standardization": '{"mean": [], "std": []}'},
        {"provenance": "7"},
        {"provenance": '["ab"]'},
    ],
)
def test_metadata_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    refusal(write(tmp_path / "model", metadata(**changes)))


@pytest.mark.parametrize("name", ["architecture", "classes", "standardization", "provenance"])
def test_metadata_that_is_missing_is_refused(tmp_path: Path, name: str) -> None:
    texts = metadata()
    del texts[name]
    assert name in refusal(write(tmp_path / "model", texts))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_sizes = st.fixed_dictionaries({}, optional=dict.fromkeys(SMALL.to_dict(), _json | st.just([6, 6, 1]) | st.just(2)))
_values = _json | _sizes | st.fixed_dictionaries({}, optional={"mean": _json, "std": _json})


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from(["architecture", "classes", "standardization", "provenance", "version", "format", "more"]),
        _values.map(json.dumps) | st.text(max_size=20).filter(lambda text: text.isprintable()),
        min_size=1,
    )
)
def test_any_metadata_gives_a_model_or_a_clear_refusal(tmp_path: Path, changes: dict[str, str]) -> None:
    path = write(tmp_path / "model", {**metadata(), **changes})
    try:
        loaded = model_file.load(path)
    except ModelFileError:
        refusal(path)
    else:
        assert all(isinstance(name, str) for name in loaded.classes)
        assert same(model_file.load(path), loaded)


def test_a_model_of_version_1_is_read(tmp_path: Path) -> None:
    first = {"standardisation": json.dumps({"mean": [10.0], "deviation": [20.0]}), "version": "1"}
    loaded = model_file.load(write(tmp_path / "model", metadata(**first)))
    assert loaded.standardization == Standardization((10.0,), (20.0,))


def test_a_model_that_cannot_be_saved_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HandgradError, match=r"path=.*file: cannot be written"):
        model_file.save(model(), tmp_path / "file" / "model.safetensors")


@pytest.mark.parametrize(
    "texts",
    [
        {"pixel_range": "[0, 1e-320]"},
        {"pixel_range": "[255, 0]"},
        {"pixel_range": f"[0, {10**400}]"},
        {"pixel_range": '"wide"'},
        {"file_ranges": "[]"},
        {"file_ranges": '{"uint9": [0, 1]}'},
        {"file_ranges": '{"uint16": [0]}'},
        {"standardization": '{"mean": [0], "std": [1e-320]}'},
        {"standardization": '{"mean": [0], "std": [1e39]}'},
        {"standardization": f'{{"mean": [{10**400}], "std": [1]}}'},
    ],
)
def test_ranges_and_figures_without_a_meaning_are_refused(tmp_path: Path, texts: dict[str, str]) -> None:
    assert "its metadata does not fit" in refusal(write(tmp_path / "model", metadata() | texts))
