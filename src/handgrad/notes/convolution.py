"""The convolution ``@`` and its derivatives: N1–N3, N6, N26–N30.

Symbols: image X of height x, width y, depth z; filters F of size x1 × y1, N of them. Indices: ``s`` an image of
the batch, ``i, j`` a position, ``a, b`` a position inside a filter, ``c`` a depth, ``n`` a filter.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from handgrad.errors import InputError
from handgrad.typing import Array


def filters(F: Array) -> Array:
    """N1: filters F ∈ R^{x1×y1×N}, N ∈ ℕ.

    A filter is two-dimensional: it has no weights over the depth of its input, and no bias.

    Parameters
    ----------
    F : array, shape (x1, y1, N)
        The notes' x1 and y1 are 3.

    Returns
    -------
    array, shape (x1, y1, N)
        `F` itself.

    Raises
    ------
    InputError
        If `F` is not a member of that set.

    Examples
    --------
    >>> filters(np.ones((3, 3, 16))).shape
    (3, 3, 16)
    """
    if F.ndim != 3 or 0 in F.shape or not np.issubdtype(F.dtype, np.floating):
        raise InputError("F", f"{F.dtype}{F.shape}", "filters are real, of shape (x1, y1, N)", "N1: F ∈ R^{3×3×N}")
    return F


def turned(F: Array) -> Array:
    """F^{ππ}: each filter turned by 180° (used by N29).

    Examples
    --------
    >>> turned(np.array([[1.0, 2.0], [3.0, 4.0]])[..., None])[..., 0]
    array([[4., 3.],
           [2., 1.]])
    """
    return F[::-1, ::-1]


def patches(S: Array, x1: int, y1: int) -> Array:
    """Every x1 × y1 patch of N2, as a read-only view: ``patches(S)[s,i,j,...,a,b] = S[s,i+a,j+b,...]``.

    Examples
    --------
    >>> patches(np.array([[[1.0, 2.0, 3.0]]]), 1, 2)[0, 0]
    array([[[1., 2.]],
    <BLANKLINE>
           [[2., 3.]]])
    """
    return sliding_window_view(S, (x1, y1), axis=(1, 2))


def convolve(X: Array, F: Array) -> Array:
    """N2: X @ F = T, ``T[i,j,n] = Σ_{a,b} F[a,b,n] · Σ_c X[i+a, j+b, c]``.

    Sum over the depth, then correlate with each filter; no padding, stride 1.

    Parameters
    ----------
    X : array, shape (batch, x, y, z)
        Images, or the maps of the layer before.
    F : array, shape (x1, y1, N)
        Filters (N1).

    Returns
    -------
    array, shape (batch, x−x1+1, y−y1+1, N)
        T, one map per filter.

    Examples
    --------
    The sum over depth of nine ones is 9 · 2 where the depth is two:

    >>> convolve(np.ones((1, 3, 4, 2)), np.ones((3, 3, 1)))[0, :, :, 0]
    array([[18., 18.]])
    """
    x1, y1, _ = filters(F).shape
    return np.einsum("sijab,abn->sijn", patches(X.sum(axis=3), x1, y1), F, optimize=True)


def filter_gradient(X: Array, dE_dT: Array) -> Array:
    """N28: ∂E/∂F = X @ ∂E/∂T, the mean over the batch.

    The ``@`` of N2 with the error maps in the filters' place:
    ``∂E/∂F[a,b,n] = Σ_{i,j} ∂E/∂T[i,j,n] · Σ_c X[i+a, j+b, c]``.

    Parameters
    ----------
    X : array, shape (batch, x, y, z)
        The input of the convolution ``T = X @ F``; H1 in the notes' line.
    dE_dT : array, shape (batch, x−x1+1, y−y1+1, N)
        The error maps.

    Returns
    -------
    array, shape (x1, y1, N)

    Examples
    --------
    >>> filter_gradient(np.ones((1, 4, 4, 3)), np.ones((1, 2, 2, 1)))[..., 0]
    array([[12., 12., 12.],
           [12., 12., 12.],
           [12., 12., 12.]])
    """
    batch, x, y, _ = dE_dT.shape
    return np.einsum("sabij,sijn->abn", patches(X.sum(axis=3), x, y), dE_dT, optimize=True) / batch


def input_gradient(dE_dT: Array, F: Array, depth: int) -> Array:
    """N29: ∂E/∂X = ∂E/∂T @ F^{ππ}, ``G = Σ_n (∂E/∂T)_n @ (F^{ππ})_n``.

    The error maps are padded with x1−1 and y1−1 zeros on each side, and error map n meets filter n. The result is
    one map, the same at every depth of X.

    Parameters
    ----------
    dE_dT : array, shape (batch, x−x1+1, y−y1+1, N)
        The error maps.
    F : array, shape (x1, y1, N)
        The filters of ``T = X @ F``.
    depth : int
        The depth z of X.

    Returns
    -------
    array, shape (batch, x, y, depth), read-only
        The one map G, seen at every depth without a copy.

    Examples
    --------
    One error of 1 returns the turned filter's turn: the filter itself, at every depth.

    >>> F = np.array([[1.0, 2.0], [3.0, 4.0]])[..., None]
    >>> input_gradient(np.ones((1, 1, 1, 1)), F, depth=2)[0, :, :, 1]
    array([[1., 2.],
           [3., 4.]])
    """
    x1, y1, _ = F.shape
    padded = np.pad(dE_dT, ((0, 0), (x1 - 1, x1 - 1), (y1 - 1, y1 - 1), (0, 0)))
    # Error map n times number (a, b) of its turned filter, summed over n; then the share that lands on i+a, j+b.
    shares = np.einsum("sijn,abn->sijab", padded, turned(F), optimize=True)
    G = np.einsum("sijabab->sij", patches(shares, x1, y1))
    return np.broadcast_to(G[..., None], (*G.shape, depth))


def response(P: Array, F: Array, i: int, j: int) -> float:
    """N26: ``R_ij = Σ_{a,b} F_ab · Σ_c P[i+a, j+b, c]``, one number of N2 written out.

    The notes spell R11 out for P of 3×3×3 and F of 2×2; their general sum drops the offset (i, j), which N2 fixes.

    Parameters
    ----------
    P : array, shape (x, y, z)
        One image.
    F : array, shape (x1, y1)
        One filter.
    i, j : int
        The position in R, from 0.

    Returns
    -------
    float

    Examples
    --------
    >>> response(np.ones((3, 3, 3)), np.array([[1.0, 2.0], [3.0, 4.0]]), 0, 0)
    30.0
    """
    x1, y1 = F.shape
    return float(sum(F[a, b] * P[i + a, j + b, :].sum() for a in range(x1) for b in range(y1)))


def response_derivative(P: Array, i: int, j: int, a: int, b: int) -> float:
    """N27: ``∂R_ij/∂F_ab = Σ_c P[i+a, j+b, c]``.

    Parameters
    ----------
    P : array, shape (x, y, z)
        One image.
    i, j : int
        The position in R, from 0.
    a, b : int
        The position in the filter, from 0.

    Returns
    -------
    float

    Examples
    --------
    ∂R11/∂F12 = P121 + P122 + P123:

    >>> P = np.arange(27.0).reshape(3, 3, 3)
    >>> response_derivative(P, 0, 0, 0, 1), float(P[0, 1, 0] + P[0, 1, 1] + P[0, 1, 2])
    (12.0, 12.0)
    """
    return float(P[i + a, j + b, :].sum())
