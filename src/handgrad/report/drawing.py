"""Drawings of a few shapes, as SVG for the report's page and as PNG for files: the same from one description."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]

COLORS = {
    "paper": "#fdfcf8", "text": "#1d1c1a", "quiet": "#5f5b54", "line": "#ddd8cc", "right": "#0a6466",
    "positive": "#d9660f", "faint": "#a6a39c",
}  # fmt: skip
"""The page's colors on paper, by the names of its CSS variables, which the SVG refers to."""
PIXELS = 2
"""Pixels of a PNG per unit of a drawing."""
_FINER = 3
"""Pillow draws hard edges: a PNG is drawn this much larger, then reduced."""


class Line(NamedTuple):
    """A line through points; `dash` has the lengths of a dash and of the gap after it."""

    points: Sequence[Point]
    color: str
    width: float = 1.5
    dash: tuple[float, float] | None = None


class Dot(NamedTuple):
    """A disc, or a ring if it is hollow."""

    at: Point
    color: str
    hollow: bool = False
    radius: float = 2.4


class Bar(NamedTuple):
    """A rectangle, by its top left corner and its size."""

    at: Point
    size: Point
    color: str


class Text(NamedTuple):
    """A line of text; `anchor` says which part of its baseline is at the point: start, middle or end."""

    at: Point
    text: str
    color: str = "quiet"
    size: float = 10.5
    anchor: str = "start"


class Drawing(NamedTuple):
    """Shapes on paper; the first are below the others. Units are CSS pixels, from the top left corner.

    >>> svg(Drawing(20, 10, [Text((1, 9), "x")]), "A letter").partition("><")[0]
    '<svg aria-label="A letter" class="chart" role="img" viewBox="0 0 20 10"'
    """

    width: float
    height: float
    shapes: Sequence[Line | Dot | Bar | Text]


def svg(drawing: Drawing, label: str) -> str:
    """Write a drawing as an SVG element for a page: text as text, colors as the page's CSS variables.

    A page without inline styles can hold it, since every style is an attribute. The label is what screen readers say.
    """
    box = f"0 0 {drawing.width:g} {drawing.height:g}"
    root = ElementTree.Element("svg", {"aria-label": label, "class": "chart", "role": "img", "viewBox": box})
    for shape in drawing.shapes:
        name, attributes = _element(shape)
        texts = {key: value if isinstance(value, str) else f"{value:.5g}" for key, value in attributes.items()}
        ElementTree.SubElement(root, name, texts).text = shape.text if isinstance(shape, Text) else None
    return ElementTree.tostring(root, "unicode")


def _element(shape: Line | Dot | Bar | Text) -> tuple[str, dict[str, str | float]]:
    color, (x, y) = _variable(shape.color), (0.0, 0.0) if isinstance(shape, Line) else shape.at
    match shape:
        case Line():
            path = "M" + " ".join(f"{number:.5g}" for point in shape.points for number in point)
            dash = {"stroke-dasharray": "{:g} {:g}".format(*shape.dash)} if shape.dash else {}
            return "path", {"fill": "none", "stroke": color, "stroke-width": shape.width, "d": path, **dash}
        case Dot():
            fill = _variable("paper") if shape.hollow else color
            return "circle", {"cx": x, "cy": y, "r": shape.radius, "fill": fill, "stroke": color}
        case Bar():
            return "rect", {"x": x, "y": y, "width": shape.size[0], "height": shape.size[1], "fill": color}
        case Text():
            return "text", {"x": x, "y": y, "fill": color, "font-size": shape.size, "text-anchor": shape.anchor}


def _variable(name: str) -> str:
    return f"var(--{name})"


def png(drawing: Drawing) -> bytes:
    """Write a drawing as PNG."""
    scale = PIXELS * _FINER
    image = Image.new("RGB", (round(drawing.width * scale), round(drawing.height * scale)), COLORS["paper"])
    pen = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        _draw(pen, shape, scale)
    return encoded(image.reduce(_FINER))


def _draw(pen: ImageDraw.ImageDraw, shape: Line | Dot | Bar | Text, scale: float) -> None:
    color = COLORS[shape.color]
    x, y = (0.0, 0.0) if isinstance(shape, Line) else (scale * each for each in shape.at)
    match shape:
        case Line():
            for piece in _dashes(shape.points, *shape.dash) if shape.dash else [shape.points]:
                pen.line([(scale * u, scale * v) for u, v in piece], color, round(shape.width * scale), joint="curve")
        case Dot():
            fill, width = COLORS["paper"] if shape.hollow else color, round(scale)
            pen.circle((x, y), shape.radius * scale + width / 2, fill, color, width)
        case Bar():
            if shape.size[1] > 0:
                pen.rectangle((x, y, x + shape.size[0] * scale - 1, y + shape.size[1] * scale - 1), color)
        case Text():
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            pen.text((x, y), shape.text, color, ImageFont.load_default(shape.size * scale), anchor=anchor)


def _dashes(points: Sequence[Point], dash: float, gap: float) -> Iterator[list[Point]]:
    """Cut a line into its dashes, around its corners too.

    >>> list(_dashes([(0, 0), (3, 0), (3, 4)], 2, 2))
    [[(0.0, 0.0), (2.0, 0.0)], [(3.0, 1.0), (3.0, 3.0)]]
    """
    lengths, drawn, left = (dash, gap), True, dash
    piece: list[Point] = []
    for (x, y), (u, v) in pairwise(points):
        length, done = math.dist((x, y), (u, v)), 0.0
        while done < length:
            step = min(left, length - done)
            ends = [(x + (u - x) * at / length, y + (v - y) * at / length) for at in (done, done + step)]
            if drawn:
                piece += ends[len(piece) > 0 :]
            done, left = done + step, left - step
            if left <= 0:
                if piece:
                    yield piece
                drawn, piece = not drawn, []
                left = lengths[not drawn]
    if piece:
        yield piece


def encoded(image: Image.Image) -> bytes:
    """Write a picture as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
