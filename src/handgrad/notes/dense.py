"""The dense layers: N11, N13, N18–N20, N22, N23."""

from __future__ import annotations

import numpy as np

from handgrad.typing import Array


def dense(x: Array, w: Array, b: Array) -> Array:
    """N11: t1' = x' · w1 + b1; N13: t2' = h1' · w2 + b2.

    Parameters
    ----------
    x : array, shape (batch, inputs)
        Row vectors x' (or h1').
    w : array, shape (inputs, outputs)
        Weights.
    b : array, shape (outputs,)
        Biases.

    Returns
    -------
    array, shape (batch, outputs)

    Examples
    --------
    >>> dense(np.array([[1.0, 2.0]]), np.array([[1.0], [10.0]]), np.array([100.0]))
    array([[121.]])
    """
    return x @ w + b


def weight_gradient(x: Array, dE_dt: Array) -> Array:
    """N18: ∂E/∂w2 = h1'ᵀ · ∂E/∂t2', and N22: ∂E/∂w1 = x'ᵀ · ∂E/∂t1'; the mean over the batch.

    Parameters
    ----------
    x : array, shape (batch, inputs)
        The input of the layer.
    dE_dt : array, shape (batch, outputs)
        The error at the layer's result.

    Returns
    -------
    array, shape (inputs, outputs)

    Examples
    --------
    >>> weight_gradient(np.array([[1.0, 2.0]]), np.array([[3.0]]))
    array([[3.],
           [6.]])
    """
    # t = x · w + b
    return x.T @ dE_dt / len(x)


def bias_gradient(dE_dt: Array) -> Array:
    """N19: ∂E/∂b2 = ∂E/∂t2', and N22: ∂E/∂b1 = ∂E/∂t1'; the mean over the batch.

    Parameters
    ----------
    dE_dt : array, shape (batch, outputs)
        The error at the layer's result.

    Returns
    -------
    array, shape (outputs,)

    Examples
    --------
    >>> bias_gradient(np.array([[1.0, 2.0], [3.0, 2.0]]))
    array([2., 2.])
    """
    # t = x · w + b
    return np.sum(dE_dt, axis=0) / len(dE_dt)


def input_gradient(dE_dt: Array, w: Array) -> Array:
    """N20: ∂E/∂h1' = ∂E/∂t2' · w2ᵀ, and N23: ∂E/∂x' = ∂E/∂t1' · w1ᵀ, since ∂(x'·w1 + b1)/∂x' = w1.

    Parameters
    ----------
    dE_dt : array, shape (batch, outputs)
        The error at the layer's result.
    w : array, shape (inputs, outputs)
        The layer's weights.

    Returns
    -------
    array, shape (batch, inputs)

    Examples
    --------
    >>> input_gradient(np.array([[3.0]]), np.array([[1.0], [10.0]]))
    array([[ 3., 30.]])
    """
    # t = x · w + b
    return dE_dt @ w.T
