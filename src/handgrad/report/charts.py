"""Where everything of a chart lies: scales, ticks and points, as numbers for the page's SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_STEPS = (1, 2, 5, 10)
_TICKS = 7
_LABEL_HEIGHT = 17.0
_MARKED = 40
"""Up to so many points of a line are drawn as dots."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on a scale, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` laid from `start` to `end`, in proportion or by their logarithms."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where a value lies.

        Examples
        --------
        >>> Scale(0, 10, 100, 0).at(2.5), Scale(0.1, 10, 0, 100, logarithmic=True).at(1)
        (75.0, 50.0)
        """
        low, high, value = (math.log10(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 2)

    def ticks(self, text: Callable[[float], str]) -> tuple[Tick, ...]:
        """Round numbers, about five."""
        many = self.logarithmic and self.high > 8 * self.low
        values = _decades(self.low, self.high) if many else _rounds(self.low, self.high)
        return tuple(Tick(self.at(value), text(value)) for value in values)


def _rounds(low: float, high: float, count: int = 5) -> list[float]:
    step = _step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(span: float, count: int) -> float:
    power: float = 10.0 ** math.floor(math.log10(span / count))
    return next(power * step for step in _STEPS if power * step * count >= span * 0.999)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten, or every so manyth of them; where few fit, 3 times or 2 and 5 times them as well."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    every = -(-(last - first) // 6)
    for multiples in ((1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**power for power in range(first, last + 1, every) for m in multiples]
        inside = [value for value in values if low * 0.999 <= value <= high * 1.001]
        if len(inside) <= _TICKS:
            break
    return inside


def rounded_range(low: float, high: float) -> tuple[float, float]:
    """The next round numbers outside.

    Examples
    --------
    >>> rounded_range(0.913, 0.99)
    (0.9, 1.0)
    """
    step = _step(max(high - low, 1e-6), 5)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its points, the dots on it, and where its name stands."""

    name: str
    points: str
    dots: tuple[tuple[float, float], ...]
    label: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over epochs."""

    width: float
    height: float
    x: Scale
    y: Scale
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    chosen: float


def line_chart(
    series: Mapping[str, Sequence[float]], chosen: int, text: Callable[[float], str], logarithmic: bool = False
) -> LineChart:
    """A chart of values by epoch.

    Parameters
    ----------
    series : mapping of str to sequence of float
        One value an epoch, from the first, by the line's name.
    chosen : int
        The epoch that is marked.
    text : callable
        A tick's text from its value.
    logarithmic : bool
        Whether the values are laid by their logarithms; 0 is then drawn at the bottom.

    Returns
    -------
    LineChart

    Examples
    --------
    >>> line_chart({"loss": [2.0, 1.0, 0.5]}, 3, "{:g}".format, logarithmic=True).lines[0].points
    '52,20 197,130 342,240'
    """
    width, height = 460.0, 290.0
    values = [value for line in series.values() for value in line]
    count = max(map(len, series.values()))
    if logarithmic:
        least = min((value for value in values if value > 0), default=1.0)
        most = max(max(values), least)
        low, high = (least, most) if most > 1.2 * least else (least / 1.2, most * 1.2)
    else:
        low, high = rounded_range(min(values), max(values))
        low, high = (low, high) if high > low else (low - 0.1, high)
    # A single epoch stands in the middle.
    first, last = (1, count) if count > 1 else (0.5, 1.5)
    x, y = Scale(first, last, 52, width - 118), Scale(low, high, height - 50, 20, logarithmic)
    placed = {
        name: [(x.at(epoch), y.at(max(value, low))) for epoch, value in enumerate(line, start=1)]
        for name, line in series.items()
    }
    ends = _apart({name: points[-1][1] for name, points in placed.items()})
    lines = tuple(
        Line(
            name,
            " ".join(f"{a:g},{b:g}" for a, b in points),
            tuple(points) if len(points) <= _MARKED else (),
            (points[-1][0] + 10, ends[name]),
        )
        for name, points in placed.items()
    )
    epochs = [tick for tick in x.ticks("{:g}".format) if float(tick.text).is_integer()]
    return LineChart(width, height, x, y, tuple(epochs), y.ticks(text), lines, x.at(chosen))


def _apart(ends: dict[str, float]) -> dict[str, float]:
    """Heights of the lines' names, moved so far that none covers another."""
    placed: dict[str, float] = {}
    for name, at in sorted(ends.items(), key=lambda item: item[1]):
        above = max(placed.values(), default=-math.inf)
        placed[name] = round(max(at, above + _LABEL_HEIGHT), 2)
    return placed
