"""Figures show their values: as PNG, and as SVG that a page without inline styles can hold."""

from __future__ import annotations

import io
import re
from dataclasses import asdict
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from PIL import Image

from handgrad.architecture import Architecture
from handgrad.parameters import Parameters
from handgrad.report import figures
from handgrad.report.calibration import calibrate

LOSSES = st.floats(0, 1e30, allow_subnormal=False)


def history(losses: list[tuple[float, float]]) -> list[dict[str, float]]:
    return [
        {"loss": loss, "validation_loss": other, "accuracy": 1 / (1 + loss), "validation_accuracy": 1 / (1 + other)}
        for loss, other in losses
    ]


FALLING = history([(2 / n, 3 / n) for n in range(1, 31)])


def opened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.format == "PNG"
        return image


@pytest.mark.parametrize("count", [1, 2, 100])
def test_the_curves_of_any_number_of_epochs_have_both_colors(count: int) -> None:
    drawn = opened(figures.png(figures.curves(history([(2 / n, 3 / n) for n in range(1, count + 1)]), count)))
    colors = drawn.convert("RGB").getcolors(1 << 20)
    assert colors is not None
    wanted = {tuple(round(255 * part) for part in to_rgb(color)) for color in ("#0a6466", "#d9660f")}
    assert wanted <= {color for _, color in colors}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=60))
def test_every_point_of_any_curve_is_inside_its_axes(losses: list[tuple[float, float]]) -> None:
    figure = figures.curves(history(losses), len(losses))
    figure.draw_without_rendering()
    for axes in figure.axes:
        left, bottom, right, top = axes.bbox.extents
        training, validation, kept = axes.lines
        assert np.asarray(kept.get_xdata())[0] == len(losses)
        for line in (training, validation):
            points = axes.transData.transform(line.get_xydata())
            assert points.shape == (len(losses), 2)
            assert ((points > (left - 0.01, bottom - 0.01)) & (points < (right + 0.01, top + 0.01))).all()
        shown = [tick for tick in axes.get_yticks() if axes.get_ylim()[0] <= tick <= axes.get_ylim()[1]]
        assert 1 <= len(shown) <= 12


def test_a_curve_is_at_its_values() -> None:
    loss, accuracy = figures.curves(FALLING, 7).axes
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        for line, key in zip(axes.lines, (name, f"validation_{name}"), strict=False):
            np.testing.assert_array_equal(line.get_xydata(), [(n, each[key]) for n, each in enumerate(FALLING, 1)])


def test_the_reliability_diagram_is_at_the_bins_values() -> None:
    rng = np.random.default_rng(0)
    found = asdict(calibrate(rng.dirichlet(np.ones(3), 200), rng.integers(0, 3, 200)))["bins"]
    filled = [each for each in found if each["images"]]
    top, bottom = figures.reliability(found).axes
    np.testing.assert_allclose(
        np.asarray(top.lines[1].get_xydata()), [(each["confidence"], each["accuracy"]) for each in filled]
    )
    (reach,) = top.collections
    assert isinstance(reach, LineCollection)
    ends = [segment[:, 1] for segment in reach.get_segments()]
    np.testing.assert_allclose(ends, [each["accuracy_interval"] for each in filled])
    assert [bar.get_bbox().height for bar in bottom.patches if isinstance(bar, Rectangle)] == [
        each["images"] for each in filled
    ]


def test_an_svg_is_text_and_attributes_in_the_pages_colors() -> None:
    drawn = figures.svg(figures.curves(FALLING, 7), "Loss & accuracy")
    root = ElementTree.fromstring(drawn)
    assert root.attrib == {
        "aria-label": "Loss & accuracy",
        "class": "chart",
        "role": "img",
        "viewBox": "0 0 633.6 237.6",
    }
    assert {element.tag for element in root.iter()} == {"svg", "g", "path", "text", "defs", "use"}
    words = [element.text for element in root.iter("text")]
    assert {"Loss (cross entropy, nats)", "Accuracy", "epoch", "training", "validation", "kept epoch"} <= set(words)
    for element in root.iter():
        assert element.attrib.keys().isdisjoint({"style", "clip-path", "font-family"})
        for name in ("fill", "stroke"):
            assert re.fullmatch(r"none|var\(--\w+\)", element.get(name, "none")), element.attrib
    assert not re.search("http|url|<style", drawn)
    references = {element.get("href", "")[1:] for element in root.iter("use")}
    assert references == {element.get("id") for element in root.iter() if element.get("id")}


def test_an_svg_is_the_same_again_and_shares_no_id_with_another() -> None:
    first, again, other = (figures.svg(figures.curves(FALLING, 7), label) for label in ("one", "one", "two"))
    assert first == again
    ids = [set(re.findall(r' id="(\w+)"', drawn)) for drawn in (first, other)]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(input_shape=(6, 6, 1)),
        Architecture(input_shape=(12, 9, 3), stages=((1,), (70,)), filter_size=(1, 2), maps=2),
    ],
)
def test_filters_of_any_number_and_shape(architecture: Architecture) -> None:
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    drawn = np.array(opened(figures.png(figures.filters(parameters))).convert("RGB")).astype(int)
    assert (drawn[..., 0] > drawn[..., 2] + 100).any()
    assert (drawn[..., 2] > drawn[..., 0] + 100).any()


def test_filters_that_are_all_0() -> None:
    parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1), stages=((1,),)))
    opened(figures.png(figures.filters(parameters)))
