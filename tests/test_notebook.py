"""What a notebook shows: everything that matters, nothing that acts, and never much."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from handgrad import Architecture, Model
from handgrad.data import Dataset, Samples, load
from handgrad.graph import forward_nodes
from handgrad.standardization import Standardization
from handgrad.trace import trace
from tests.web.models import drawn, traced

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202e" + "x" * 10_000


class Read(HTMLParser):
    """The tags, the attributes and the text of a piece of HTML, whose tags must match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.said: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag != "img":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(value: Any) -> Read:
    html = value._repr_html_()
    assert len(html.encode()) < 100_000
    found = Read(html)
    assert set(found.tags) <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "img"}
    assert found.attributes <= {"style", "src", "alt"}
    assert "".join(found.said).isprintable()
    assert "color" not in html.replace("color scheme", "")
    return found


def dataset(images: np.ndarray[Any, Any], classes: tuple[str, ...]) -> Dataset:
    samples = Samples(images, np.arange(len(images)) % len(classes))
    return Dataset("noise", classes, samples, samples[:9], samples[:5], notices=(HOSTILE,))


def test_an_architecture_shows_every_layer_of_the_graph() -> None:
    architecture = Architecture(input_shape=(12, 11, 3), stages=((4, 3), (2,)), hidden=(5,), maps=2, filter_size=(3, 2))
    said = read(architecture).said
    for node in forward_nodes(architecture, until="z"):
        shape = " × ".join(map(str, node.shape))
        assert (node.name in said and shape in said) or any(f"{node.name} {shape}" in text for text in said), node.name


def test_a_model_shows_where_it_comes_from() -> None:
    model = replace(drawn("notes"), provenance={"command": "handgrad train photos", "seed": 7})
    said = read(model).said
    assert {"handgrad train photos", "7", "class <0> & “ü”, class <1> & “ü”, class <2> & “ü”"} <= set(said)


def test_a_trace_shows_the_picture_its_answer_and_every_tensor() -> None:
    shown = traced("maps")
    found = read(shown)
    assert found.tags.count("img") == 1
    assert "∂E/∂F1" in found.said
    assert f"{float(shown.tensors['∂E/∂F1'].max()):.4g}" in found.said


def test_a_dataset_shows_pictures_and_counts_of_each_class() -> None:
    digits = load("digits")
    found = read(digits)
    assert found.tags.count("img") == 10
    counts = np.bincount(digits.train.labels)
    assert {str(count) for count in counts} <= set(found.said)
    assert found.said[1] == " digits: 1,797 images of 8 × 8 × 1, 10 classes"


@pytest.mark.parametrize("shape", [(40, 8, 8, 1), (40, 100, 60, 3), (40, 1, 300, 1), (40, 30, 500, 3)])
@pytest.mark.parametrize("classes", [2, 30])
def test_pictures_of_any_size_stay_small(shape: tuple[int, ...], classes: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = read(dataset(images, tuple(map(str, range(classes)))))
    assert found.tags.count("img") >= 2


def test_numbers_that_are_no_pixels_are_not_shown_as_pictures() -> None:
    assert "img" not in read(dataset(np.zeros((20, 8, 8, 1), np.float32), ("a", "b"))).tags


def test_whatever_a_value_holds_is_only_said(recwarn: pytest.WarningsRecorder) -> None:
    names = tuple(f"{number}{HOSTILE}" for number in range(300))
    sizes = Architecture(input_shape=(9, 9, 1), classes=300, stages=((2,) * 3,), hidden=(2,) * 50)
    odd: dict[str, Any] = {HOSTILE: HOSTILE, "list": [[HOSTILE]] * 1000, "none": None, "number": 10**400, "data": {}}
    model = replace(Model.initial(sizes, names, Standardization((0.0,), (1.0,)), 0), provenance=odd)
    assert any("script" in text for text in read(model).said)
    read(replace(model, provenance=[HOSTILE]))  # type: ignore[arg-type]
    read(trace(model, np.zeros((9, 9, 1), np.uint8), 299))
    assert "… and 260 more" in read(dataset(np.zeros((300, 8, 8, 1), np.uint8), names)).said
    read(sizes)
