"""The step over the one vector of parameters: one pass over memory, shared by the engine's threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from handgrad.fused.compilation import Suite
from handgrad.fused.team import Team


def descend(theta: Any, g: Any, v: Any, decay: Any, momentum: Any, rate: Any) -> None:
    """``v ← μ·v + g + λ·θ``, ``θ ← θ − η·v`` (N31 where μ = λ = 0)."""
    for i in range(theta.shape[0]):
        v[i] = momentum * v[i] + (g[i] + decay[i] * theta[i])
        theta[i] -= rate * v[i]


def adapt(
    theta: Any, g: Any, m: Any, v: Any, decay: Any, scale: Any, beta1: Any, beta2: Any, m_scale: Any, v_scale: Any,
    epsilon: Any, rate: Any,
) -> None:  # fmt: skip
    """AdamW; ``m_scale`` and ``v_scale`` are 1 / (1 − βᵗ)."""
    one = theta.dtype.type(1)
    for i in range(theta.shape[0]):
        m[i] += (one - beta1) * (g[i] - m[i])
        v[i] += (one - beta2) * (g[i] * g[i] - v[i])
        direction = m_scale * m[i] / (np.sqrt(v_scale * v[i]) + epsilon)
        theta[i] -= rate * (scale[i] * direction + decay[i] * theta[i])


ENOUGH = 2**16
"""Parameters that are worth other threads."""


@cache
def kernels(dtype: str) -> Suite:
    """The kernels for vectors of that precision."""
    return Suite((descend, adapt), {}, dtype)


def share(team: Team, kernel: Callable[..., None], vectors: tuple[Any, ...], numbers: tuple[Any, ...]) -> None:
    """A stretch of the vectors for each thread."""
    size = len(vectors[0])

    def stretch(number: int, threads: int) -> None:
        part = slice(number * size // threads, (number + 1) * size // threads)
        kernel(*(vector[part] for vector in vectors), *numbers)

    if size < ENOUGH:
        stretch(0, 1)
    else:
        team.run(stretch)
