"""Operations on vectors do, compiled, what their NumPy stand-ins say."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
import numba, numpy as np
from handgrad.fused.vectors import (
    add, add_rows, ahead, choose, crossed, load, load_mask, load_part, load_rows, multiply_add, positive, splat, spread,
    store, store_mask, store_part, store_rows, total,
)

@numba.njit(error_model="numpy")
def use(a, b, bits, cells):
    v, part = load(a, 1, 16), load_part(b, 2, 5, 16)
    over = ahead(v, part)
    store_mask(bits, 1, over)
    chosen = choose(load_mask(bits, 1, 16), multiply_add(v, part, v), add(part, splat(a[3], 16)))
    store(a, 20, chosen)
    store_part(b, 30, v, 3)
    store(cells, 3, choose(positive(part), splat(np.int32(7), 16), splat(np.int32(9), 16)))
    rows = load_rows(a, (0, 9, 5, 17, 3, 8), 1, 4, 16)
    add_rows(b, (0, 8, 5, 17, 33, 40), 1, 4, rows)
    store_rows(a, (40, 44, 48, 52), 0, 4, crossed(load_rows(b, (3, 7, 11, 15), 0, 4, 16)))
    return total(chosen), total(spread(b, 4, 8))

for dtype in ("float32", "float64"):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (2, 60)).astype(dtype)
    a[5], b[6] = np.nan, np.inf
    bits, cells = np.zeros(8, np.uint8), np.zeros(30, np.uint8)
    sums = use(a, b, bits, cells)
    print([float(x) for x in sums], a.tolist(), b.tolist(), bits.tolist(), cells.tolist())
"""


def printed(**environment: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-W", "ignore:invalid value", "-c", _PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_compiled_operations_are_their_stand_ins() -> None:
    compiled, plain = printed(), printed(NUMBA_DISABLE_JIT="1")
    assert "nan" in plain
    assert compiled == plain


_OUTSIDE = (
    "load(a, 45, 16)", "load(a, -1, 16)", "store(a, 45, load(a, 0, 16))", "load_part(a, 58, 3, 16)",
    "spread(a, 60, 8)", "load_rows(a, (0, 57), 0, 4, 16)", "store_part(a, 59, load(a, 0, 16), 2)",
)  # fmt: skip
_TRIAL = """
@numba.njit
def use(a):
    {operation}
try:
    use(np.zeros(60))
    print("nothing")
except IndexError as error:
    print(error)
"""


def test_with_bounds_checked_no_vector_leaves_its_array() -> None:
    program = "import numba, numpy as np\nfrom handgrad.fused.vectors import *\n"
    program += "".join(_TRIAL.format(operation=operation) for operation in _OUTSIDE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "NUMBA_BOUNDSCHECK": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    found = dict(zip(_OUTSIDE, finished.stdout.splitlines(), strict=False))
    assert found == dict.fromkeys(_OUTSIDE, "a vector leaves its array"), finished.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("rows", "steps", "columns"), [(1, 1, 1), (3, 17, 2), (8, 5, 16), (9, 33, 40), (24, 3, 10), (128, 300, 64)]
)
def test_products_are_numpys(rows: int, steps: int, columns: int, dtype: str) -> None:
    multiply = _compiled_multiply(dtype)
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(rows, steps)).astype(dtype), rng.normal(size=(steps, columns)).astype(dtype)
    C = np.full(rows * columns, np.nan, dtype)
    multiply(A.ravel(), steps, 1, B.ravel(), C, rows, steps, columns)
    scale = float(np.finfo(dtype).eps) * steps * 10
    np.testing.assert_allclose(C.reshape(rows, columns), A @ B, rtol=0, atol=scale)
    C[:] = np.nan
    multiply(np.ascontiguousarray(A.T).ravel(), 1, rows, B.ravel(), C, rows, steps, columns)
    np.testing.assert_allclose(C.reshape(rows, columns), A @ B, rtol=0, atol=scale)


def test_long_sums_round_little() -> None:
    rows, steps, columns = 8, 5000, 19
    A, B = np.full((rows, steps), 0.1, np.float32), np.ones((steps, columns), np.float32)
    C = np.full(rows * columns, np.nan, np.float32)
    _compiled_multiply("float32")(A.ravel(), steps, 1, B.ravel(), C, rows, steps, columns)
    # One number after the other, they would be off by 4e-5.
    np.testing.assert_allclose(C, steps * float(A[0, 0]), rtol=5e-6)


@cache
def _compiled_multiply(dtype: str) -> Any:
    import numba

    from handgrad.architecture import Architecture
    from handgrad.fused.network import Network
    from handgrad.fused.team import Team

    kernel = Network(Architecture(input_shape=(8, 8, 1)), dtype, None, Team(1))._kernels[True]["multiply"]

    @numba.njit
    def multiply(A: Any, a_row: int, a_step: int, B: Any, C: Any, rows: int, steps: int, columns: int) -> None:
        kernel((A, 0, a_row, a_step), (B, 0, columns), (C, 0, columns), rows, steps, columns)

    return multiply
