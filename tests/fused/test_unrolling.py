"""Loops written out compute what the loops said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handgrad.fused.sizes import k1, p
from handgrad.fused.unrolling import packed, registers, rolled, unrolled


def table(x: Any, rows: int) -> Any:
    t = registers(p, k1)
    for r in range(p):
        for c in range(k1):
            t[r, c] = 10 * r + c
            if (r > 0) * (c == 0):
                t[r, c] += 1000
    total = 0
    for i in range(rows):
        for c in range(1, k1):
            total += x[i] * t[p - 1, c]
    return packed(t), total if k1 > 1 else "alone"


@pytest.mark.parametrize("sizes", [{"p": 2, "k1": 3}, {"p": 1, "k1": 1}, {"p": 3, "k1": 2}])
def test_registers_become_variables_and_loops_their_bodies(sizes: dict[str, int]) -> None:
    function = unrolled(table, sizes, {}, "test")
    rows, columns = sizes["p"], sizes["k1"]
    values, total = function(np.arange(4), 3)
    assert function.__name__ == "table_test"
    assert not any(name in function.__code__.co_names for name in ("registers", "packed", "p", "k1"))
    expected = [10 * r + c + (1000 if r > 0 and c == 0 else 0) for r in range(rows) for c in range(columns)]
    assert list(values) == expected
    last = sum(10 * (rows - 1) + c for c in range(1, columns))
    assert total == (3 * last if columns > 1 else "alone")
    assert unrolled(table, sizes, {}, "test").__code__.co_firstlineno == table.__code__.co_firstlineno


def counted(x: Any) -> Any:
    t = registers(2)
    for c in range(2):
        t[c] = 0
    for a in rolled(k1):
        for c in range(2):
            t[c] += x[a] * p
    return packed(t)


def test_a_loop_may_remain_a_loop() -> None:
    short, long = (unrolled(counted, {"p": 2, "k1": size}, {}, "test") for size in (3, 300))
    assert short(np.arange(3)) == (6, 6)
    assert len(short.__code__.co_code) == len(long.__code__.co_code)


@pytest.mark.parametrize("stand_in", [lambda: registers(2), lambda: packed(None)])
def test_the_stand_ins_do_nothing_by_themselves(stand_in: Any) -> None:
    with pytest.raises(NotImplementedError):
        stand_in()
