"""Max pooling and the way back through it: N7, N8, N10, N16, N24, N25.

``p`` is the side of a window and its stride; the notes' p is 2.
"""

from __future__ import annotations

import numpy as np

from handgrad.typing import Array, Integers


def windows(T: Array, p: int) -> Array:
    """The p × p windows of N7, their p² cells in row-major order on axis 3; what fills no window is left out.

    Examples
    --------
    >>> windows(np.arange(6.0).reshape(1, 2, 3, 1), 2)[..., 0]
    array([[[[0., 1., 3., 4.]]]])
    """
    batch, x, y, N = T.shape
    whole = T[:, : x // p * p, : y // p * p, :]
    return whole.reshape(batch, x // p, p, y // p, p, N).swapaxes(2, 3).reshape(batch, x // p, y // p, p * p, N)


def max_pool(T: Array, p: int = 2) -> Array:
    """N7: U = MP(T), the maximum over p × p windows with stride p.

    Parameters
    ----------
    T : array, shape (batch, x, y, N)
    p : int
        Side of a window. An odd last row or column (of less than p) is left out.

    Returns
    -------
    array, shape (batch, x // p, y // p, N)

    Examples
    --------
    N8, the example on the page:

    >>> T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], float)
    >>> max_pool(T[None, :, :, None])[0, :, :, 0]
    array([[ 8.,  5.],
           [ 8., 10.]])
    """
    return windows(T, p).max(axis=3)


def winners(T: Array, p: int = 2) -> Integers:
    """N25: the position of each window's maximum, 0 to p²−1 in row-major order; the first where several are equal.

    Examples
    --------
    >>> winners(np.array([[[[1.0], [7.0]], [[7.0], [0.0]]]])).item()
    1
    """
    return windows(T, p).argmax(axis=3)


def max_pool_backward(dE_dU: Array, T: Array, p: int = 2) -> Array:
    """N25: ∂E/∂T = ∂E/∂U at the maxima, the rest zero-filled.

    Parameters
    ----------
    dE_dU : array, shape (batch, x // p, y // p, N)
        One error per window.
    T : array, shape (batch, x, y, N)
        The maps that were pooled. Where several cells of a window are equal, the first in row-major order takes all.
    p : int
        Side of a window.

    Returns
    -------
    array, shape (batch, x, y, N)

    Examples
    --------
    N16, the four errors that arrive at N8's four cells and go back to the four maxima:

    >>> T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], float)
    >>> E = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> max_pool_backward(E[None, :, :, None], T[None, :, :, None])[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [0., 1., 0., 2.],
           [0., 3., 4., 0.],
           [0., 0., 0., 0.]])
    """
    # U = max over each window of T
    batch, rows, columns, N = dE_dU.shape
    cells = np.zeros((batch, rows, columns, p * p, N), dE_dU.dtype)
    np.put_along_axis(cells, winners(T, p)[:, :, :, None, :], dE_dU[:, :, :, None, :], axis=3)
    dE_dT = np.zeros(T.shape, dE_dU.dtype)
    dE_dT[:, : rows * p, : columns * p, :] = (
        cells.reshape(batch, rows, columns, p, p, N).swapaxes(2, 3).reshape(batch, rows * p, columns * p, N)
    )
    return dE_dT


def flatten(U: Array) -> Array:
    """N10: x' = U, tensor → vector, row-major over (i, j, n).

    Parameters
    ----------
    U : array, shape (batch, x, y, N)

    Returns
    -------
    array, shape (batch, x·y·N)

    Examples
    --------
    >>> flatten(np.zeros((1, 10, 10, 1))).shape
    (1, 100)
    """
    return U.reshape(len(U), -1)


def unflatten(dE_dx: Array, shape: tuple[int, ...]) -> Array:
    """N24: ∂E/∂U = ∂E/∂x' → tensor, the inverse of N10.

    Parameters
    ----------
    dE_dx : array, shape (batch, x·y·N)
    shape : tuple of int
        (x, y, N), the shape of one image's U.

    Returns
    -------
    array, shape (batch, x, y, N)

    Examples
    --------
    >>> unflatten(np.zeros((1, 100)), (10, 10, 1)).shape
    (1, 10, 10, 1)
    """
    # x' = U, row-major
    return dE_dx.reshape(len(dE_dx), *shape)
