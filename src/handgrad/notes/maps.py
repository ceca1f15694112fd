"""One step beyond the notes, K weighted maps from layer to layer: N32–N35.

Symbols as in ``convolution``; ``k`` is a map, and α[c,k] the weight of depth c in map k. The notes are K = 1, α = 1.
"""

from __future__ import annotations

import numpy as np

from handgrad.notes.convolution import patches, turned
from handgrad.typing import Array


def weigh_depth(X: Array, alpha: Array) -> Array:
    """N32: ``S[i,j,k] = Σ_c α[c,k] · X[i,j,c]``.

    Parameters
    ----------
    X : array, shape (batch, x, y, z)
    alpha : array, shape (z, K)
        Depth weights α.

    Returns
    -------
    array, shape (batch, x, y, K)
        The K maps that pass to the convolution.

    Examples
    --------
    >>> weigh_depth(np.array([[[[1.0, 10.0]]]]), np.array([[1.0, 1.0], [1.0, -1.0]]))
    array([[[[11., -9.]]]])
    """
    return X @ alpha


def convolve_maps(S: Array, F: Array) -> Array:
    """N33: ``T[i,j,n] = Σ_k Σ_{a,b} F[a,b,k,n] · S[i+a, j+b, k]``; K = 1 is line N2.

    Parameters
    ----------
    S : array, shape (batch, x, y, K)
        Maps (N32).
    F : array, shape (x1, y1, K, N)
        Filters, one slice per map.

    Returns
    -------
    array, shape (batch, x−x1+1, y−y1+1, N)

    Examples
    --------
    >>> convolve_maps(np.ones((1, 3, 3, 2)), np.ones((3, 3, 2, 1))).item()
    18.0
    """
    x1, y1, _, _ = F.shape
    return np.einsum("sijkab,abkn->sijn", patches(S, x1, y1), F, optimize=True)


def filter_gradient(S: Array, dE_dT: Array) -> Array:
    """N34: ∂E/∂F[·,·,k,n] = S_k @ (∂E/∂T)_n, the mean over the batch; N28 for each map.

    Parameters
    ----------
    S : array, shape (batch, x, y, K)
        Maps (N32).
    dE_dT : array, shape (batch, x−x1+1, y−y1+1, N)
        The error maps.

    Returns
    -------
    array, shape (x1, y1, K, N)

    Examples
    --------
    >>> filter_gradient(np.ones((1, 3, 3, 2)), np.ones((1, 2, 2, 1)))[:, :, 1, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    # T[i,j,n] = Σ_k Σ_{a,b} F[a,b,k,n] · S[i+a, j+b, k]
    batch, x, y, _ = dE_dT.shape
    return np.einsum("sabkij,sijn->abkn", patches(S, x, y), dE_dT, optimize=True) / batch


def map_gradient(dE_dT: Array, F: Array) -> Array:
    """N34: ``∂E/∂S_k = Σ_n (∂E/∂T)_n @ F[·,·,k,n]^{ππ}``; N29 a map at a time.

    Parameters
    ----------
    dE_dT : array, shape (batch, x−x1+1, y−y1+1, N)
        The error maps, padded with zeros inside.
    F : array, shape (x1, y1, K, N)
        The filters.

    Returns
    -------
    array, shape (batch, x, y, K)

    Examples
    --------
    >>> map_gradient(np.ones((1, 1, 1, 1)), np.array([[[[1.0], [2.0]]]]))
    array([[[[1., 2.]]]])
    """
    # T[i,j,n] = Σ_k Σ_{a,b} F[a,b,k,n] · S[i+a, j+b, k]
    x1, y1, _, _ = F.shape
    padded = np.pad(dE_dT, ((0, 0), (x1 - 1, x1 - 1), (y1 - 1, y1 - 1), (0, 0)))
    shares = np.einsum("sijn,abkn->sijabk", padded, turned(F), optimize=True)
    return np.einsum("sijabkab->sijk", patches(shares, x1, y1))


def depth_weight_gradient(X: Array, dE_dS: Array) -> Array:
    """N35: ``∂E/∂α[c,k] = Σ_{i,j} X[i,j,c] · ∂E/∂S[i,j,k]``, the mean over the batch.

    Parameters
    ----------
    X : array, shape (batch, x, y, z)
        What was weighed.
    dE_dS : array, shape (batch, x, y, K)
        The error at the maps (N34).

    Returns
    -------
    array, shape (z, K)

    Examples
    --------
    >>> depth_weight_gradient(np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 3)))
    array([[4., 4., 4.]])
    """
    # S[i,j,k] = Σ_c α[c,k] · X[i,j,c]
    return np.einsum("sijc,sijk->ck", X, dE_dS, optimize=True) / len(X)


def input_gradient(dE_dS: Array, alpha: Array) -> Array:
    """N35: ``∂E/∂X_c = Σ_k α[c,k] · ∂E/∂S_k``.

    Parameters
    ----------
    dE_dS : array, shape (batch, x, y, K)
        The error at the maps (N34).
    alpha : array, shape (z, K)
        Depth weights α.

    Returns
    -------
    array, shape (batch, x, y, z)

    Examples
    --------
    >>> input_gradient(np.array([[[[1.0, 10.0]]]]), np.array([[1.0, 1.0], [1.0, -1.0]]))
    array([[[[11., -9.]]]])
    """
    # S[i,j,k] = Σ_c α[c,k] · X[i,j,c]
    return dE_dS @ alpha.T
