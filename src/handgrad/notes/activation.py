"""ReLU: N4, N5, N12, N21 and the first third of N30."""

from __future__ import annotations

import numpy as np

from handgrad.typing import Array, Integers


def relu(t: Array) -> Array:
    """N4: ``f(t) = max(t, 0)``; N5: H1 = f(T1); N12: h1' = f(t1').

    Parameters
    ----------
    t : array, any shape

    Returns
    -------
    array, the shape of `t`
        NaN stays NaN.

    Examples
    --------
    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return np.maximum(t, 0)


def relu_derivative(t: Array) -> Array:
    """N4: ``f'(t) = 1 if t > 0 else 0``.

    Parameters
    ----------
    t : array, any shape

    Returns
    -------
    array, the shape and dtype of `t`

    Examples
    --------
    >>> relu_derivative(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 1.])
    """
    return np.where(t > 0, 1, 0).astype(t.dtype)


def sides(t: Array) -> Integers:
    """Return on which side of the kink of N4 each number is: −1, 1, or 0 on the kink itself.

    Examples
    --------
    >>> sides(np.array([-2.0, 0.0, 3.0]))
    array([-1,  0,  1], dtype=int8)
    """
    return np.sign(t).astype(np.int8)


def relu_backward(dE_dh: Array, t: Array) -> Array:
    """N21: ∂E/∂t = ∂E/∂h ⊙ f'(t), where h = f(t).

    Parameters
    ----------
    dE_dh : array, the shape of `t`
        The error at h.
    t : array, any shape
        The input of the ReLU.

    Returns
    -------
    array, the shape of `t`

    Examples
    --------
    >>> relu_backward(np.array([5.0, 5.0]), np.array([-1.0, 1.0]))
    array([0., 5.])
    """
    # h = max(t, 0)
    return dE_dh * relu_derivative(t)
