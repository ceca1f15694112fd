"""Figures show their values: read back from the shapes, by the labels of their axes."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from handgrad.architecture import Architecture
from handgrad.parameters import Parameters
from handgrad.report import figures
from handgrad.report.calibration import calibrate
from handgrad.report.drawing import COLORS, Bar, Dot, Drawing, Line, Point, Text, png, svg

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


def number_of(text: str) -> float:
    """The value of a label."""
    return float(text.removesuffix(" %")) / (100 if text.endswith("%") else 1)


def ticks(drawing: Drawing, anchor: str) -> dict[float, float]:
    """The values of an axis by their places: horizontal places of centered labels, vertical ones of the others."""
    axis = 0 if anchor == "middle" else 1
    labels = (shape for shape in drawing.shapes if isinstance(shape, Text) and shape.anchor == anchor)
    return {shape.at[axis]: number_of(shape.text) for shape in labels if re.fullmatch(r"[\d.e+-]+( %)?", shape.text)}


def scale(places: dict[float, float], log: bool = False) -> Callable[[float], float]:
    """What a place means, by the first and last label."""
    (a, low), (b, high) = (sorted(places.items())[index] for index in (0, -1))
    if log:
        return lambda at: float(low * (high / low) ** ((at - a) / (b - a)))
    return lambda at: low + (high - low) * (at - a) / (b - a)


def lines(drawing: Drawing, color: str) -> list[list[Point]]:
    return [list(shape.points) for shape in drawing.shapes if isinstance(shape, Line) and shape.color == color]


@pytest.mark.parametrize("count", [1, 2, 100])
def test_the_curves_of_any_number_of_epochs_have_both_colors(count: int) -> None:
    drawn = opened(png(figures.curves(history([(2 / n, 3 / n) for n in range(1, count + 1)]), count)))
    assert drawn.size == (1268, 476)
    colors = drawn.convert("RGB").getcolors(1 << 20)
    assert colors is not None
    wanted = {tuple(bytes.fromhex(COLORS[name][1:])) for name in ("right", "positive")}
    assert wanted <= {color for _, color in colors}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=60))
def test_every_point_of_any_curve_is_inside_its_axes(losses: list[tuple[float, float]]) -> None:
    for name in ("loss", "accuracy"):
        drawing = figures.curves(history(losses), len(losses), [name])
        (base,) = ([start, end] for start, end in lines(drawing, "quiet") if start[1] == end[1] == pytest.approx(172))
        dots = [shape.at for shape in drawing.shapes if isinstance(shape, Dot) and shape.at[1] < 200]
        points = dots + [point for color in ("right", "positive") for line in lines(drawing, color) for point in line]
        points = [(x, y) for x, y in points if y < 200]
        assert len(points) >= 2 * len(losses)
        for x, y in points:
            assert base[0][0] < x < base[1][0]
            assert 26 < y < 172
        places = ticks(drawing, "end")
        assert 1 <= len(places) <= 12
        assert all(25.99 <= place - 3.5 <= 172.01 for place in places)
        assert len(set(places.values())) == len(places), "two places have one label"
        assert 1 <= len(ticks(drawing, "middle")) <= 7


@pytest.mark.parametrize("name", ["loss", "accuracy"])
def test_a_curve_is_at_its_values(name: str) -> None:
    drawing = figures.curves(FALLING, 7, [name])
    epoch_at = scale(ticks(drawing, "middle"))
    # The baseline of a label is a little below its tick.
    value_at = scale({place - 3.5: value for place, value in ticks(drawing, "end").items()}, log=name == "loss")
    for color, key in (("right", name), ("positive", f"validation_{name}")):
        line = max(lines(drawing, color), key=len)
        read = [(epoch_at(x), value_at(y)) for x, y in line]
        np.testing.assert_allclose(read, [(n, each[key]) for n, each in enumerate(FALLING, 1)], rtol=1e-9)
    (kept,) = ([a, b] for a, b in lines(drawing, "quiet") if a[0] == b[0])
    assert math.isclose(epoch_at(kept[0][0]), 7)


def test_the_reliability_diagram_is_at_the_bins_values() -> None:
    rng = np.random.default_rng(0)
    found = asdict(calibrate(rng.dirichlet(np.ones(3), 200), rng.integers(0, 3, 200)))["bins"]
    filled = [each for each in found if each["images"]]
    drawing = figures.reliability(found)
    share_at = scale({place - 3.5: value for place, value in ticks(drawing, "end").items()})
    confidence_at = scale({x: value for x, value in ticks(drawing, "middle").items() if value in (0, 0.2, 0.4, 0.6, 1)})
    dots = [(confidence_at(shape.at[0]), share_at(shape.at[1])) for shape in drawing.shapes if isinstance(shape, Dot)]
    np.testing.assert_allclose(dots, [(each["confidence"], each["accuracy"]) for each in filled])
    ends = [[share_at(y) for _, y in line] for line in lines(drawing, "right")]
    np.testing.assert_allclose(ends, [each["accuracy_interval"] for each in filled], atol=1e-12)
    heights = np.array([shape.size[1] for shape in drawing.shapes if isinstance(shape, Bar)])
    images = np.array([each["images"] for each in filled])
    np.testing.assert_allclose(heights / heights.max(), images / images.max())


def test_an_svg_is_text_and_attributes_in_the_pages_colors() -> None:
    drawn = svg(figures.curves(FALLING, 7), "Loss & accuracy")
    root = ElementTree.fromstring(drawn)
    assert root.attrib == {"aria-label": "Loss & accuracy", "class": "chart", "role": "img", "viewBox": "0 0 634 238"}
    assert {element.tag for element in root.iter()} == {"svg", "path", "circle", "text"}
    words = [element.text for element in root.iter("text")]
    assert {"Loss (cross entropy, nats)", "Accuracy", "epoch", "training", "validation", "kept epoch"} <= set(words)
    for element in root.iter():
        assert element.attrib.keys().isdisjoint({"style", "id", "font-family"})
        for name in ("fill", "stroke"):
            assert re.fullmatch(r"none|var\(--\w+\)", element.get(name, "none")), element.attrib
    assert not re.search("http|url|<style", drawn)


def test_the_page_has_every_color_in_light_and_dark() -> None:
    style = Path(figures.__file__).with_name("templates").joinpath("style.css").read_text(encoding="utf-8")
    for name, color in COLORS.items():
        values = re.findall(rf"--{name}: (#\w+);", style)
        assert values[0] == color
        assert len(set(values)) == 2, name


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(input_shape=(6, 6, 1)),
        Architecture(input_shape=(12, 9, 3), stages=((1,), (70,)), filter_size=(1, 2), maps=2),
    ],
)
def test_filters_of_any_number_and_shape(architecture: Architecture) -> None:
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    drawn = np.array(opened(figures.filters(parameters)).convert("RGB")).astype(int)
    assert (drawn[..., 0] > drawn[..., 2] + 100).any()
    assert (drawn[..., 2] > drawn[..., 0] + 100).any()


def test_a_filter_is_at_its_numbers() -> None:
    parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1), stages=((1,),)))
    parameters["F1"][:, :, 0] = np.array([[1, 0, -1], [0.5, 0, 0], [0, 0, 0]])
    drawn = opened(figures.filters(parameters))
    side = drawn.width // (16 * 4) - 1
    read = [[drawn.getpixel((26 + side // 2 + u * 20, 52 + side // 2 + v * 20)) for u in range(3)] for v in range(3)]
    white = (247, 247, 247)
    assert read == [[(103, 0, 31), white, (5, 48, 97)], [(214, 96, 77), white, white], [white, white, white]]


def test_filters_that_are_all_0() -> None:
    parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1), stages=((1,),)))
    opened(figures.filters(parameters))
