"""Softmax, cross entropy and the ideal output: N14, N15, N17."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.typing import Array, Integers


def softmax(t: Array) -> Array:
    """N14: z = S(t2'), ``z_k = exp(t_k) / Σ_m exp(t_m)``.

    Parameters
    ----------
    t : array, shape (batch, classes)
        Logits of any size: they are shifted so that none overflows.

    Returns
    -------
    array, shape (batch, classes)
        Probabilities; each row sums to 1.

    Examples
    --------
    >>> softmax(np.array([[1e4, 1e4], [-1e4, 1e4]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    e = np.exp(t - t.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(t: Array, y: Array) -> Array:
    """N15: E = CE(z), ``E = −Σ_k y_k log z_k``, from the logits through log-sum-exp.

    With z = S(t), ``log z_k = t_k − log Σ_m exp(t_m)``: no probability of 0 is logged.

    Parameters
    ----------
    t : array, shape (batch, classes)
        Logits t2'.
    y : array, shape (batch, classes)
        Ideal outputs, each row summing to 1.

    Returns
    -------
    array, shape (batch,)
        One loss per image, in nats.

    Examples
    --------
    >>> cross_entropy(np.array([[0.0, 0.0], [1e4, -1e4]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([6.93147181e-01, 2.00000000e+04])
    """
    shifted = t - t.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - (y * shifted).sum(axis=1)


def softmax_cross_entropy_backward(z: Array, y: Array) -> Array:
    """N17: ∂E/∂t2' = z − y_Full.

    Parameters
    ----------
    z : array, shape (batch, classes)
        Probabilities z = S(t2').
    y : array, shape (batch, classes)
        y_Full, the ideal outputs, each row summing to 1.

    Returns
    -------
    array, shape (batch, classes)

    Examples
    --------
    >>> softmax_cross_entropy_backward(np.array([[0.75, 0.25]]), np.array([[1.0, 0.0]]))
    array([[-0.25,  0.25]])
    """
    # E = −Σ_k y_k log S(t)_k
    return z - y


def cross_entropy_backward(z: Array, y: Array) -> Array:
    """N15: ∂E/∂z = −y / z, the half step that N17 joins with the softmax; the trace names every tensor.

    Parameters
    ----------
    z : array, shape (batch, classes)
        Probabilities.
    y : array, shape (batch, classes)
        Ideal outputs.

    Returns
    -------
    array, shape (batch, classes)
        0 where y is 0; −inf where an expected class has a probability that underflowed to 0.

    Examples
    --------
    >>> cross_entropy_backward(np.array([[0.5, 0.5]]), np.array([[0.0, 1.0]]))
    array([[ 0., -2.]])
    """
    # E = −Σ_k y_k log z_k
    with np.errstate(divide="ignore", over="ignore"):
        return np.divide(-y, z, out=np.zeros_like(z), where=y != 0)


def upstream(sample_weight: Array | None, losses: Array) -> Array:
    """∂L/∂E of each image, times the batch: 1, or the image's weight where the mean of the weights is brought to 1.

    The mean loss is ``L = Σ_i w_i E_i / Σ_i w_i``, as scikit-learn weighs samples; all w_i are 1 in the notes (N17).

    Parameters
    ----------
    sample_weight : array, shape (batch,), or None
        Numbers of at least 0; where all of them are 0, so is the result.
    losses : array, shape (batch,)
        E; gives the number of images and the precision.

    Returns
    -------
    array, shape (batch,)

    Raises
    ------
    InputError
        If the number of weights is not the number of images, or a weight is negative or not finite.

    Examples
    --------
    >>> upstream(np.array([1.0, 3.0]), np.array([0.5, 0.2]))
    array([0.5, 1.5])
    """
    if sample_weight is None:
        return np.ones_like(losses)
    weights = np.asarray(sample_weight, losses.dtype)
    if weights.shape != losses.shape:
        raise InputError("sample_weight", weights.shape, f"must have the shape {losses.shape}", "give one per image")
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise InputError(
            "sample_weight",
            f"{weights.min():g} to {weights.max():g}",
            "weights must be finite and at least 0",
            "use 1 for an image that counts as any other",
        )
    # Where no image of the batch counts, nothing is learned.
    return weights * (len(weights) / (weights.sum() or 1))


def ideal(labels: Integers | Array, classes: int, dtype: np.dtype[np.floating]) -> Array:
    """y_Full, the ideal output (the word “ideal” beside N17): one-hot rows from class numbers, or rows as given.

    Parameters
    ----------
    labels : array, shape (batch,) of integers or (batch, classes) of numbers
        Class numbers from 0, or rows that sum to 1, one-hot or soft.
    classes : int
        Number of classes.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    array, shape (batch, classes)

    Raises
    ------
    InputError
        If a class number is out of range, or a row is not a distribution.

    Examples
    --------
    >>> ideal(np.array([1, 0]), 2, np.dtype("f4"))
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    given: NDArray[Any] = np.asarray(labels)
    if given.ndim == 1 and np.issubdtype(given.dtype, np.integer):
        wrong = given[(given < 0) | (given >= classes)]
        if wrong.size:
            raise InputError("labels", wrong[0], f"class numbers are 0 to {classes - 1}", "number the classes from 0")
        return np.eye(classes, dtype=dtype)[given]
    if given.ndim != 2 or given.shape[1] != classes:
        raise InputError(
            "labels",
            f"{given.dtype}{given.shape}",
            f"must be integers (batch,) or rows (batch, {classes})",
            "give class numbers from 0, or one distribution per row",
        )
    rows: Array = given.astype(dtype)
    with np.errstate(invalid="ignore"):  # the sum of inf and −inf is NaN
        lawful = np.all(rows >= 0, axis=1) & np.isclose(rows.sum(axis=1), 1, atol=1e-4)
    if not lawful.all():
        worst = rows[np.argmin(lawful)]
        raise InputError("labels", worst, "each row must be a distribution", "make its entries ≥ 0 with the sum 1")
    return rows
