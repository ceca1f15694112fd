"""Matrix products: the numbers of NumPy's, the same bits for any number of threads, and BLAS as it was found."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from handgrad.fused import blas
from handgrad.fused.team import Team


@pytest.mark.parametrize(("batch", "inputs", "outputs"), [(1, 1, 1), (3, 17, 2), (128, 2304, 64), (32, 5000, 10)])
def test_products_are_numpys_and_their_bits_those_of_one_thread(batch: int, inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(batch, inputs)).astype("f"), rng.normal(size=(inputs, outputs)).astype("f")
    dt = rng.normal(size=(batch, outputs)).astype("f")
    found = []
    for threads in (1, 2, 3):
        dw, dx = np.empty_like(w), x.copy()
        t = blas.multiply(Team(threads), x, w)
        blas.multiply_back(Team(threads), dx, w, dt, dw, dx)
        found.append((t, dw, dx))
    for result, expected in zip(found[0], (x @ w, x.T @ dt, dt @ w.T), strict=True):
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    for other in found[1:]:
        assert all(np.array_equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_blas_keeps_to_one_thread_and_is_left_as_it_was_found() -> None:
    def threads() -> set[int]:
        return {library.get_num_threads() for library in blas._libraries()}

    def use() -> None:
        with blas.single_threaded():
            inside.set()
            leave.wait(60)

    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = threads()
        inside, leave = threading.Event(), threading.Event()
        other = threading.Thread(target=use)
        with blas.single_threaded():
            assert threads() <= {1}
            other.start()
            assert inside.wait(60)
            with blas.single_threaded():
                assert threads() <= {1}
            assert threads() <= {1}
        leave.set()
        other.join()
        assert threads() == before
