"""The learning rate of each step."""

from __future__ import annotations

import math

_RISE = 0.25
_START = 0.04


def learning_rate(schedule: str, highest: float, step: int, steps: int) -> float:
    """Return the learning rate η of a step.

    Parameters
    ----------
    schedule : {"one-cycle", "constant"}
        As in ``Recipe``.
    highest : float
        The highest rate.
    step : int
        From 0.
    steps : int
        Number of steps in total.

    Returns
    -------
    float
        Positive at every step from 0 to ``steps − 1``.

    Examples
    --------
    >>> [round(learning_rate("one-cycle", 1.0, step, 8), 2) for step in range(8)]
    [0.04, 0.52, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07]
    """
    if schedule == "constant":
        return highest
    rise = _RISE * steps
    if step < rise:
        return highest * (_START + (1 - _START) * step / rise)
    return highest * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))
