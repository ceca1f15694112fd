"""Pixels mean the same in Python, in files, on the command line and in exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handgrad import Architecture, HandgradClassifier, Model, Parameters, model_file
from handgrad import engine as engines
from handgrad.data import load, read
from handgrad.errors import HandgradError, HandgradWarning, InputError
from handgrad.export import c, onnx
from handgrad.pixel_range import PIXELS, USUAL, PixelRange
from handgrad.report.unseen import read_unseen
from handgrad.standardization import Standardization
from handgrad.trace import to_document, trace
from tests.cli.conftest import Outcome, Run
from tests.cli.conftest import run as run
from tests.data.writing import write_picture

SMALL: dict[str, Any] = {
    "stages": ((2, 2),),
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "random_state": 0,
    "engine": "notes",
}


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Two hundred digits as a picture shows them, and their classes."""
    samples = read("digits").train
    return np.asarray(samples.images[:200, ..., 0]), samples.labels[:200].astype(str)


@pytest.fixture(scope="module")
def folder(digits: tuple[NDArray[np.uint8], NDArray[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("digits")
    for number, (picture, name) in enumerate(zip(*digits, strict=True)):
        write_picture(root / name / f"{number}.png", picture)
    return root


def fitted(images: NDArray[Any], classes: NDArray[Any], **options: Any) -> Model:
    model: Model = HandgradClassifier(**(SMALL | options)).fit(images, classes).model_
    return model


@pytest.mark.parametrize(
    ("black", "white", "dtype", "given"),
    [
        (0, 1, "f8", "auto"),
        (0, 1, "f4", "auto"),
        (0, 16, "u1", "auto"),
        (0, 16, "f8", "auto"),
        (0, 255, "f4", "auto"),
        (0, 1023, "u2", "auto"),
        (-1, 1, "f8", (-1, 1)),
    ],
)
def test_pictures_are_answered_as_the_numbers_that_the_model_was_fitted_on(
    run: Run,
    digits: tuple[NDArray[np.uint8], NDArray[Any]],
    folder: Path,
    tmp_path: Path,
    black: float,
    white: float,
    dtype: str,
    given: Any,
) -> None:
    pictures, classes = digits
    numbers = black + pictures * ((white - black) / 255)
    images = (np.rint(numbers) if white == 16 or np.dtype(dtype).kind == "u" else numbers).astype(dtype)
    model = fitted(images, classes, pixel_range=given)
    assert model.pixel_range == PixelRange(black, white)
    expected = model.predict(numbers[..., np.newaxis], engines.create("notes", model.standardization))
    path = tmp_path / "model.safetensors"
    model_file.save(model, path)

    found = json.loads(run("evaluate", path, folder, "--json", "--engine", "notes").out)
    assert found["accuracy"] == np.mean(np.array(model.classes)[expected.argmax(axis=1)] == classes)
    file = min(folder.glob("*/7.png"))
    (answer,) = json.loads(run("predict", path, file, "--json", "--top", "10", "--engine", "notes").out)
    probabilities = {each["class"]: each["probability"] for each in answer["top"]}
    assert [probabilities[name] for name in model.classes] == pytest.approx(expected[7].tolist(), abs=1e-5)

    shown = run("info", path).out
    assert f"{PixelRange(black, white)}, black to white" in shown
    for export in (onnx.export, c.export):
        assert export(model).content == export(model.of_pictures()).content


def refused(outcome: Outcome) -> bool:
    return "none is known to be black or white" in outcome.complaint and "pixel_range=" in outcome.complaint


def test_a_model_of_no_pictures_reads_none(
    run: Run, digits: tuple[NDArray[np.uint8], NDArray[Any]], folder: Path, tmp_path: Path
) -> None:
    pictures, classes = digits
    model = fitted((pictures - 80.0) / 90, classes)
    assert model.pixel_range is None
    assert model.predict((pictures[:3, ..., np.newaxis] - 80.0) / 90).shape == (3, 10)
    path = tmp_path / "model.safetensors"
    model_file.save(model, path)
    picture = min(folder.glob("*/7.png"))
    assert refused(run("evaluate", path, folder))
    assert refused(run("predict", path, picture))
    assert refused(run("explain", picture, "--model", path, "--out", tmp_path / "page.html"))
    assert refused(run("check", path, picture))
    assert refused(run("export", path, tmp_path / "model.onnx"))
    assert refused(run("serve", "--model", path, "--port", 0))
    assert "not known" in run("info", path).out
    assert json.loads(run("info", path, "--json").out)["pixel_range"] is None
    with pytest.raises(InputError, match=r"give model\.of_pictures\(\)"):
        read_unseen(model, str(folder))
    with pytest.raises(InputError, match=r"trace model\.of_pictures\(\)"):
        to_document(trace(model, (pictures[0, ..., np.newaxis] - 80.0) / 90, 0))  # type: ignore[arg-type]


def test_arrays_of_another_range_are_refused_or_warned_of(digits: tuple[NDArray[np.uint8], NDArray[Any]]) -> None:
    pictures, classes = digits
    floats, pixels = fitted(pictures / 255, classes), fitted(pictures, classes)
    with pytest.raises(InputError, match=r"above white, which is 1, and .* was fitted on 0 to 1; .*of_pictures"):
        floats.predict(pictures[..., np.newaxis])
    with pytest.warns(HandgradWarning, match="look like 0 to 1, and the model was fitted on 0 to 255"):
        pixels.predict(pictures[..., np.newaxis] / 255)
    classifier = HandgradClassifier(**SMALL, warm_start=True).fit(pictures / 255, classes)
    with pytest.raises(InputError, match="above white"):
        classifier.predict(pictures)
    with pytest.warns(HandgradWarning, match="above white"):
        classifier.fit(pictures.astype(float), classes)
    with pytest.raises(InputError, match=r"pixel_range=\(0, 1\): the numbers of X run from 0 to 255"):
        fitted(pictures, classes, pixel_range=(0, 1))


def test_older_model_files_mean_0_to_255(tmp_path: Path) -> None:
    network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    model = Model(network, ("a", "b"), Standardization((12.0,), (3.0,)))
    content = model_file.to_bytes(model)
    older = content.replace(b'"version":"3"', b'"version":"2"')
    older = older.replace(b'"pixel_range"', b'"unknown_one"').replace(b'"file_ranges"', b'"unknown_two"')
    (tmp_path / "model.safetensors").write_bytes(older)
    found = model_file.load(tmp_path / "model.safetensors")
    assert found.pixel_range == PIXELS
    assert found.file_ranges == USUAL


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A folder of 16-bit pictures that hold 10 bits."""
    root = tmp_path / "deep"
    rng = np.random.default_rng(0)
    for number in range(24):
        bright = number % 2
        picture = rng.integers(500 * bright, 500 * bright + 500, (8, 8)).astype(np.uint16)
        write_picture(root / "ab"[bright] / f"{number}.png", picture)  # type: ignore[arg-type]
    return root


def test_the_data_set_decides_what_is_white_and_the_model_keeps_it(run: Run, deep: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--engine", "notes", "--filters", "2,2", "--hidden", "8", "--epochs", "4", "--out", out)
    trained = run("train", deep, *options)
    assert trained.code == 0
    assert trained.err.count("16-bit numbers: 0 is taken for black and 1023 for white") == 1
    model = model_file.load(out)
    assert model.file_ranges == {"uint16": PixelRange(0, 1023)}
    assert "0 to 1,023, black to white" in run("info", out).out
    report = json.loads((out / "report.json").read_text())
    assert report["file_ranges"] == {"uint16": [0, 1023]}
    # By itself, this picture would have another white.
    dark = np.full((8, 8), 100, np.uint16)
    dark[0, 0] = 0
    write_picture(tmp_path / "dark.png", dark)  # type: ignore[arg-type]
    done = run("predict", out, tmp_path / "dark.png", "--json", "--engine", "notes")
    assert (done.code, done.err) == (0, "")
    pixels = np.rint(dark * (255 / 1023)).astype(np.uint8)[np.newaxis, ..., np.newaxis]
    expected = model.predict(pixels, engines.create("notes", model.standardization)).max()
    assert json.loads(done.out)[0]["probability"] == pytest.approx(float(expected), abs=1e-5)
    again = json.loads(run("evaluate", out, deep, "--json", "--engine", "notes").out)
    assert (again["split"], again["accuracy"]) == ("held out", report["test_accuracy"])
    bright = np.full((8, 8), 2000, np.uint16)
    write_picture(tmp_path / "bright.png", bright)  # type: ignore[arg-type]
    assert "they must be in 0 to 1,023" in run("predict", out, tmp_path / "bright.png", "--engine", "notes").err


def test_a_model_of_8_bits_takes_the_range_of_the_pictures_given_and_says_so(
    run: Run, deep: Path, trained: Path, tmp_path: Path
) -> None:
    done = run("predict", trained, *deep.glob("*/*.png"), "--json", "--engine", "notes")
    assert done.code == 0
    assert "1023 for white, by the range of all of them; the model was trained on none of this kind" in done.err
    explained = run("explain", deep / "b" / "1.png", "--model", trained, "--out", tmp_path / "page.html")
    assert explained.code == 0
    assert explained.err.count("1023 for white") == 1


def test_an_array_file_and_pictures_of_the_same_numbers_are_the_same_data_set(deep: Path, tmp_path: Path) -> None:
    from PIL import Image

    paths = sorted(deep.glob("*/*.png"))
    images = np.stack([np.asarray(Image.open(path), np.uint16) for path in paths])
    np.savez(tmp_path / "a.npz", images=images, labels=np.array([path.parent.name for path in paths]))
    folder, file = read(str(deep)), read(str(tmp_path / "a.npz"))
    assert folder.file_ranges == file.file_ranges == {"uint16": PixelRange(0, 1023)}
    assert folder.notices == file.notices
    assert sorted(map(bytes, np.asarray(folder.train.images))) == sorted(map(bytes, np.asarray(file.train.images)))


@pytest.mark.parametrize("figures", [((0.0,), (1e-320,)), ((0.0,), (1e38,)), ((1e35,), (1.0,)), ((np.nan,), (1.0,))])
def test_a_standardization_without_room_in_float32_is_refused(figures: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match="standardization="):
        Standardization(*figures)


@pytest.mark.parametrize("size", [1e-40, 1e38])
def test_weights_at_the_ends_of_float32_give_finite_numbers_or_a_refusal(
    run: Run, folder: Path, tmp_path: Path, size: float
) -> None:
    architecture = Architecture(input_shape=(8, 8, 1), stages=((2, 2),), hidden=(3,), classes=10)
    parameters = Parameters.draw(architecture, np.random.default_rng(0), np.float32)
    parameters.vector[:] = np.sign(parameters.vector) * size
    model = Model(parameters, tuple("0123456789"), Standardization((80.0,), (90.0,)))
    model_file.save(model, tmp_path / "model.safetensors")
    picture = min(folder.glob("*/7.png"))
    wanted = [
        ("info", tmp_path),
        ("predict", tmp_path, picture, "--engine", "notes"),
        ("evaluate", tmp_path, folder, "--engine", "notes"),
        ("explain", picture, "--model", tmp_path, "--label", "3", "--out", tmp_path / "page.html"),
        ("export", tmp_path, tmp_path / "model.onnx"),
        ("export", tmp_path, tmp_path / "model.c"),
        ("export", tmp_path, tmp_path / "rounded.c", "--int8"),
        ("check", tmp_path, picture),
    ]
    for arguments in wanted:
        done = run(*arguments)
        assert done.code == 0 or "Traceback" not in done.err, done
        assert done.code == 0 or len(done.err.splitlines()) <= 3, done
        assert "nan" not in done.out.casefold()
        assert "RuntimeWarning" not in done.err


@pytest.mark.parametrize("weight", [1e-320, 1e308, np.nan, np.inf])
def test_weights_of_images_without_room_are_refused(
    digits: tuple[NDArray[np.uint8], NDArray[Any]], weight: float
) -> None:
    pictures, classes = digits
    with pytest.raises(InputError, match="sample_weight="):
        HandgradClassifier(**SMALL).fit(pictures, classes, sample_weight=np.full(len(classes), weight))
    wanted = HandgradClassifier(**SMALL, class_weight=dict.fromkeys(range(10), weight))
    with pytest.raises(HandgradError, match="weight="):
        wanted.fit(pictures, classes)


def test_numbers_of_any_size_are_learned_or_refused(digits: tuple[NDArray[np.uint8], NDArray[Any]]) -> None:
    pictures, classes = digits
    for size in (1e-320, 1e-35, 1e-20, 1e20, 1e35, 1e300):
        try:
            model = fitted(pictures * size, classes)
        except HandgradError as error:
            assert "standardization=" in str(error)  # noqa: PT017 - either is right
        else:
            assert np.isfinite(model.parameters.vector).all()


def test_the_readmes_digits_are_the_source_digits() -> None:
    from sklearn.datasets import load_digits

    images = (load_digits().images * 255 / 16).round().astype("uint8")
    np.testing.assert_array_equal(images[..., np.newaxis], read("digits").train.images)
    assert load("digits").file_ranges == {}
