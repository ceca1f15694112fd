"""The step: N31."""

from __future__ import annotations

from handgrad.typing import Array


def step(theta: Array, dE_dtheta: Array, learning_rate: float) -> Array:
    """N31: ``θ ← θ − η · ∂E/∂θ``, each parameter moves against its gradient.

    Parameters
    ----------
    theta : array, any shape
        A parameter θ, or all of them in one vector.
    dE_dtheta : array, the shape of `theta`
        Its gradient.
    learning_rate : float
        η.

    Returns
    -------
    array, the shape and dtype of `theta`

    Examples
    --------
    >>> import numpy as np
    >>> step(np.array([1.0, 2.0]), np.array([10.0, -10.0]), 0.1)
    array([0., 3.])
    """
    return theta - float(learning_rate) * dE_dtheta
