"""The optimizers' steps as kernels: one pass over memory, shared by the engine's threads."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from handgrad import optimizer as plain
from handgrad.fused.compilation import Suite
from handgrad.fused.team import Team
from handgrad.parameters import Parameters

ENOUGH = 2**16
"""Parameters from which on sharing a step pays."""


def create(recipe: plain.RecipeLike, parameters: Parameters, team: Team) -> plain.Optimizer:
    """Create the recipe's optimizer for these parameters, on the threads of a team."""

    def sgd_step(*arguments: Any) -> None:
        _share(team, "descend", arguments[:4], arguments[4:])

    def adamw_step(*arguments: Any) -> None:
        steps, rate = arguments[6:]
        scales = 1 / (1 - plain.BETA1**steps), 1 / (1 - plain.BETA2**steps)
        _share(team, "adapt", arguments[:6], (plain.BETA1, plain.BETA2, *scales, plain.EPSILON, rate))

    return plain.create(recipe, parameters, sgd_step, adamw_step)


def prepare(recipe: plain.RecipeLike, dtype: Any) -> None:
    """Compile the recipe's kernel for vectors of that precision: an empty one takes a step."""
    name, vectors, numbers = _needed(recipe)
    _share(Team(1), name, (np.empty(0, dtype),) * vectors, (0.0,) * numbers)


def pending(recipe: plain.RecipeLike, dtype: Any) -> int:
    """Return how many kernels ``prepare`` compiles."""
    return _kernels(np.dtype(dtype).name).pending(_needed(recipe)[0])


def _needed(recipe: plain.RecipeLike) -> tuple[str, int, int]:
    """Return the recipe's kernel, and how many vectors and numbers it takes."""
    return ("descend", 4, 2) if recipe.optimizer == "sgd" else ("adapt", 6, 6)


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


@cache
def _kernels(dtype: str) -> Suite:
    return Suite((descend, adapt), {}, dtype)


def _share(team: Team, name: str, vectors: tuple[Any, ...], numbers: tuple[float, ...]) -> None:
    """Run a kernel, each thread on its stretch of the vectors."""
    size, dtype = len(vectors[0]), vectors[0].dtype
    kernel, constants = _kernels(dtype.name)[name], tuple(map(dtype.type, numbers))

    def stretch(number: int, threads: int) -> None:
        part = slice(number * size // threads, (number + 1) * size // threads)
        kernel(*(vector[part] for vector in vectors), *constants)

    if size < ENOUGH:
        stretch(0, 1)
    else:
        team.run(stretch)
