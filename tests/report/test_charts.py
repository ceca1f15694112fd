"""Scales, ticks and lines: round numbers, in their place, whatever the values."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.report.charts import Scale, line_chart, rounded_range

VALUES = st.floats(0, 1e6, allow_subnormal=False)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    ticks = Scale(low, low + span, 0, 100).ticks("{:g}".format)
    assert 2 <= len(ticks) <= 6
    assert all(-0.1 <= tick.at <= 100.1 for tick in ticks)
    gaps = [after.at - before.at for before, after in pairwise(ticks)]
    assert max(gaps) - min(gaps) < 0.05


@given(st.floats(1e-9, 1e3), st.floats(1.2, 1e12))
def test_logarithmic_ticks_are_few_and_inside(low: float, factor: float) -> None:
    ticks = Scale(low, low * factor, 0, 100, logarithmic=True).ticks("{:g}".format)
    assert 1 <= len(ticks) <= 10
    assert all(-0.1 <= tick.at <= 100.1 for tick in ticks)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=120), st.booleans())
def test_every_point_of_any_line_lies_in_the_chart(values: list[tuple[float, float]], logarithmic: bool) -> None:
    series = {"training": [a for a, _ in values], "validation": [b for _, b in values]}
    chart = line_chart(series, len(values), "{:g}".format, logarithmic)
    for line in chart.lines:
        points = [tuple(map(float, point.split(","))) for point in line.points.split()]
        assert len(points) == len(values)
        for x, y in points:
            assert chart.x.start <= x <= chart.x.end
            assert chart.y.end - 0.01 <= y <= chart.y.start + 0.01
    one, two = (line.label[1] for line in chart.lines)
    assert abs(one - two) >= 16
    assert math.isfinite(chart.chosen)


def test_a_marked_epoch_is_where_its_point_is() -> None:
    chart = line_chart({"loss": [3.0, 2.0, 1.0]}, 2, "{:g}".format)
    assert chart.chosen == float(chart.lines[0].points.split()[1].split(",")[0])


@pytest.mark.parametrize(("ends", "wide"), [((0.5, 0.5), (0.5, 0.5)), ((0.12, 0.97), (0, 1)), ((0.981, 1), (0.98, 1))])
def test_round_ends(ends: tuple[float, float], wide: tuple[float, float]) -> None:
    assert rounded_range(*ends) == pytest.approx(wide, abs=1e-5)
