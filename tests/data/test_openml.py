from __future__ import annotations

import http.client
import socket
import warnings
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from sklearn.utils import Bunch

from handgrad.data import load
from handgrad.errors import DataError
from tests.data.writing import noise


def serve(monkeypatch: pytest.MonkeyPatch, data: Any, target: Any) -> None:
    def fetch(name: str, *, as_frame: bool, parser: str) -> Bunch:
        assert (name, as_frame, parser) == ("two words", False, "liac-arff")
        warnings.warn("Multiple active versions", UserWarning, stacklevel=2)
        return Bunch(data=data, target=target)

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)


TARGET = np.array(["10", "9", "cat"], object)[np.arange(30) % 3]


def test_grey_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, noise(30, 36).astype(float), TARGET)
    dataset = load("openml:two words")
    assert dataset.name == "two-words"
    assert dataset.classes == ("9", "10", "cat")
    assert dataset.image_shape == (6, 6, 1)
    assert dataset.notices == ("Multiple active versions",)
    everything = dataset.everything()
    ninth = {image.tobytes() for image in noise(30, 36)[1::3]}
    assert {image.tobytes() for image in everything.images[everything.labels == 0]} == ninth


def test_rgb_rows_hold_one_channel_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, noise(30, 3, 5, 5).reshape(30, -1), TARGET)
    images = {image.tobytes() for image in load("openml:two words").everything().images}
    assert images == {np.moveaxis(image, 0, 2).tobytes() for image in noise(30, 3, 5, 5)}


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        (noise(30, 7), TARGET, "rows have 7 numbers, which is no square"),
        (noise(30, 0), TARGET, "rows have 0 numbers"),
        (None, TARGET, "rows have 0 numbers"),
        (np.full((30, 4), np.nan), TARGET, "NaN"),
        (noise(30, 4), None, "labels are"),
        (noise(30, 4), TARGET[:29], "30 images and 29 labels"),
    ],
)
def test_rows_that_are_no_images(monkeypatch: pytest.MonkeyPatch, data: Any, target: Any, message: str) -> None:
    serve(monkeypatch, data, target)
    with pytest.raises(DataError, match=f"source=openml:two words.*{message}"):
        load("openml:two words")


def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(
        DataError, match=r"source=openml:mnist_784: it cannot be fetched from openml\.org .*check the name"
    ):
        load("openml:mnist_784")


def test_a_connection_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise http.client.IncompleteRead(b"half")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", broken)
    with pytest.raises(DataError, match=r"cannot be fetched from openml\.org \(IncompleteRead"):
        load("openml:mnist_784")
