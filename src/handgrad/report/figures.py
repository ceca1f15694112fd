"""The figures of a training: learning curves, the reliability diagram, and the filters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from handgrad.parameters import Parameters
from handgrad.report.drawing import COLORS, PIXELS, Bar, Dot, Drawing, Line, Point, Text, encoded
from handgrad.typing import Array

_TITLES = {"loss": "Loss (cross entropy, nats)", "accuracy": "Accuracy"}
_MARKED = 40
"""Lines of more epochs than these have no markers."""
_WIDTH, _LEFT, _TOP = 317, 54, 26
"""Of one panel: its width, and where its axes begin."""
_DASH, _DOTS = (5.0, 3.0), (1.5, 2.5)
_COLUMNS = 16
_SHOWN = 64
_BLUE_TO_RED = ((5, 48, 97), (67, 147, 195), (247, 247, 247), (214, 96, 77), (103, 0, 31))

_Shapes = list[Line | Dot | Bar | Text]


class Axes(NamedTuple):
    """A rectangle of a drawing, and the values at its left and right, and at its bottom and top."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def at(self, x: float, y: float) -> Point:
        """Return the place of a value; with `log`, the vertical scale is logarithmic."""
        low, high, y = map(math.log, (*self.y, y)) if self.log else (*self.y, y)
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        return self.left + self.width * across, self.top + self.height * (high - y) / (high - low)

    def ticks(self) -> list[float]:
        """Return round values of the vertical scale."""
        return (_log_ticks if self.log else round_values)(*self.y)


def curves(history: Sequence[Mapping[str, float]], chosen: int, names: Sequence[str] = tuple(_TITLES)) -> Drawing:
    """Draw loss and accuracy over the epochs of the report's ``history``, training beside validation.

    `chosen` is the epoch, from 1, whose model is kept; each of the `names` is a panel.
    """
    shapes: _Shapes = []
    for number, name in enumerate(names):
        shapes += _curve(history, name, chosen, number * _WIDTH)
    x, y = len(names) * _WIDTH / 2 - 128, 228
    for text, color, dash, width in (
        ("training", "right", _DASH, 86), ("validation", "positive", None, 92), ("kept epoch", "quiet", _DOTS, 0),
    ):  # fmt: skip
        shapes += [Line([(x, y - 3.5), (x + 22, y - 3.5)], color, dash=dash), Text((x + 28, y), text, "text")]
        if color != "quiet":
            shapes.append(Dot((x + 11, y - 3.5), color, hollow=text == "training"))
        x += width
    return Drawing(len(names) * _WIDTH, 238, shapes)


def _curve(history: Sequence[Mapping[str, float]], name: str, chosen: int, left: float) -> _Shapes:
    values = np.array([[epoch[name], epoch[f"validation_{name}"]] for epoch in history], float)
    if log := name == "loss":
        # Zero has no logarithm, and few people want more than fifteen decades: the rest is drawn at the bottom.
        least = values[values > 0].min(initial=values.max() or 1)
        values = np.maximum(values, max(least, values.max() / 1e15, 1e-300))
    reach = (0.5, len(history) + 0.5)
    axes = Axes(left + _LEFT, _TOP, _WIDTH - _LEFT - 10, 146, reach, _range(values, log), log)
    shapes = _frame(axes, _TITLES[name], (lambda value: f"{value:g}") if log else _percent)
    for epoch in round_values(1, len(history), whole=True):
        shapes.append(Text((axes.at(epoch, axes.y[0])[0], 187), f"{epoch:g}", anchor="middle"))
    shapes.append(Text((axes.left + axes.width / 2, 205), "epoch", anchor="middle"))
    shapes.append(Line([axes.at(chosen, end) for end in axes.y], "quiet", 1.2, _DOTS))
    for column, color, dash in ((0, "right", _DASH), (1, "positive", None)):
        points = [axes.at(epoch, value) for epoch, value in enumerate(values[:, column], 1)]
        if len(points) > 1:
            shapes.append(Line(points, color, dash=dash))
        if len(points) <= _MARKED:
            shapes += [Dot(point, color, hollow=column == 0) for point in points]
    return shapes


def _range(values: NDArray[np.float64], log: bool) -> tuple[float, float]:
    """Return the ends of a scale: those of the values and a margin, never the same value twice."""
    low, high = float(values.min()), float(values.max())
    if log:
        margin = max((high / low) ** 0.05, 1.05)
        return low / margin, high * margin
    margin = max(0.05 * (high - low), 0.002)
    return low - margin, high + margin


def _frame(axes: Axes, title: str, label: Callable[[float], str]) -> _Shapes:
    """Draw a title, and a line with its value at each tick of the vertical scale."""
    shapes: _Shapes = [Text((axes.left, axes.top - 10), title, "text", 11.5)]
    for value in axes.ticks():
        x, y = axes.at(axes.x[0], value)
        shapes += [Line([(x, y), (x + axes.width, y)], "line", 1), Text((x - 6, y + 3.5), label(value), anchor="end")]
    x, y = axes.at(axes.x[0], axes.y[0])
    shapes.append(Line([(x, y), (x + axes.width, y)], "quiet", 1))
    return shapes


def round_values(low: float, high: float, whole: bool = False) -> list[float]:
    """Return at most seven multiples of 1, 2 or 5 times a power of ten between two ends.

    >>> round_values(0.31, 0.94), round_values(1, 12, whole=True), round_values(1, 1, whole=True)
    ([0.4, 0.6, 0.8], [2, 4, 6, 8, 10, 12], [1])
    """
    least = (high - low) / 6
    if whole:
        least = max(least, 1)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= least * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Rounded, since 3 · 0.1 is no round number.
    values = [float(f"{number * step:.12g}") for number in range(first, last + 1)]
    return [int(value) for value in values] if whole else values


def _log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten, 1, 2 and 5 times these on a short scale, or round values on a very short one."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if high < 30 * low:
        ticks = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
    else:
        ticks = [10.0**power for power in range(first, last + 1, -(-(last - first) // 8))]
    shown = [tick for tick in ticks if low <= tick <= high]
    return shown if len(shown) > 1 else round_values(low, high)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def reliability(bins: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw how often the predictions of each of the report's bins are correct, above how many there are."""
    filled = [each for each in bins if each["images"]]
    most = max(each["images"] for each in filled)
    top = Axes(_LEFT, _TOP, _WIDTH - _LEFT - 14, 205, (0, 1), (0, 1))
    bottom = Axes(_LEFT, 272, top.width, 44, (0, 1), (0, most))
    shapes = _frame(top, "Share correct", _percent)
    shapes += [Text((bottom.left, bottom.top - 16), "Pictures", "text", 11.5)]
    shapes.append(Line([top.at(0, 0), top.at(1, 1)], "quiet", 1, _DASH))
    for each in filled:
        x, interval = each["confidence"], each["accuracy_interval"]
        shapes += [Line([top.at(x, end) for end in interval], "right"), Dot(top.at(x, each["accuracy"]), "right")]
        corner, end = bottom.at(each["low"] + 0.005, each["images"]), bottom.at(each["high"] - 0.005, 0)
        shapes.append(Bar(corner, (end[0] - corner[0], end[1] - corner[1]), "faint"))
        middle = (corner[0] + end[0]) / 2
        shapes.append(Text((middle, corner[1] - 3), f"{each['images']:,}", size=8.5, anchor="middle"))
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        shapes.append(Text((bottom.at(share, 0)[0], 330), _percent(share), anchor="middle"))
    shapes.append(Line([bottom.at(0, 0), bottom.at(1, 0)], "quiet", 1))
    shapes.append(Text((bottom.left + bottom.width / 2, 349), "predicted probability", anchor="middle"))
    return Drawing(_WIDTH, 358, shapes)


def filters(parameters: Parameters) -> bytes:
    """Draw the first 64 filters of every convolution as PNG, from blue (negative) over white to red; a scale per layer.

    Of filters over several maps only the first map is drawn.
    """
    layers = parameters.architecture.convolutions
    mosaics = [_mosaic(parameters[layer.F]) for layer in layers]
    width, title = 640 * PIXELS, 26 * PIXELS
    sizes = [(width, round(width * rows / columns)) for rows, columns in (mosaic.shape for mosaic in mosaics)]
    paper = Image.new("RGB", (width + title, sum(title + height for _, height in sizes) + title // 2), COLORS["paper"])
    pen, font, y = ImageDraw.Draw(paper), ImageFont.load_default(11.5 * PIXELS), 0
    for layer, mosaic, size in zip(layers, mosaics, sizes, strict=True):
        limit = float(np.nanmax(np.abs(mosaic))) or 1.0
        count = layer.shape[2]
        shown = f"{count} filters" if count <= _SHOWN else f"{_SHOWN} of {count} filters"
        over = f" over the first of {layer.filter_shape[2]} maps" if len(layer.filter_shape) == 4 else ""
        text = f"{layer.F}: {shown}{over}; from -{limit:.2f} (blue) to {limit:.2f} (red)"
        pen.text((title // 2, y + 0.75 * title), text, COLORS["text"], font, anchor="ls")
        paper.paste(_colored(mosaic, limit).resize(size, Image.Resampling.NEAREST), (title // 2, y + title))
        y += title + size[1]
    return encoded(paper)


def _mosaic(F: Array) -> Array:
    """Put filters side by side, with gaps of NaN."""
    first = (F if F.ndim == 3 else F[:, :, 0])[:, :, :_SHOWN]
    height, width, count = first.shape
    rows = -(-count // _COLUMNS)
    padded = np.pad(first, ((0, 1), (0, 1), (0, rows * _COLUMNS - count)), constant_values=np.nan)
    tiles = padded.reshape(height + 1, width + 1, rows, _COLUMNS).transpose(2, 0, 3, 1)
    return tiles.reshape(rows * (height + 1), _COLUMNS * (width + 1))


def _colored(mosaic: Array, limit: float) -> Image.Image:
    """Give every number its color, from blue at −limit over white to red; NaN is paper."""
    scaled = np.nan_to_num(mosaic / limit)
    channels = [np.interp(scaled, np.linspace(-1, 1, 5), channel) for channel in zip(*_BLUE_TO_RED, strict=True)]
    colors = np.stack(channels, axis=-1).round().astype(np.uint8)
    colors[np.isnan(mosaic)] = [int(COLORS["paper"][at : at + 2], 16) for at in (1, 3, 5)]
    return Image.fromarray(colors)
