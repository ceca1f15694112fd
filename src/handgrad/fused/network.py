"""Both passes of one network over a batch, by its kernels."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.fused import convolution, dense, images, passes, pooling, rolled, unsupported
from handgrad.fused.compilation import Suite
from handgrad.fused.plan import plan_of
from handgrad.fused.sizes import rolls
from handgrad.fused.team import Team
from handgrad.fused.vectors import lanes_of
from handgrad.fused.workspace import Workspace, chunk_size
from handgrad.notes.loss import ideal, upstream
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Integers, Stored

ENOUGH = 8_000_000
"""Multiply-adds of a batch from which on sharing it pays: less is done before other threads are awake."""

_TASKS = 16
"""Tasks that the largest weights' gradient is cut into. The cut does not depend on the number of threads."""


def _templates(*modules: ModuleType) -> dict[str, Any]:
    """Return the functions of these modules by name; of two of one name, the last."""
    return {
        name: function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__
    }


@cache
def _kernels(sizes: tuple[tuple[str, int], ...], keep: bool, kinds: str) -> Suite:
    """Return every kernel by name; `keep` where the backward pass follows."""
    values = dict(sizes)
    modules: tuple[ModuleType, ...] = (convolution, pooling, dense, images, passes)
    if rolls(values["p"], values["k1"], values["k2"]):
        modules += (rolled,)
    like = None if keep else _kernels(sizes, True, kinds)
    return Suite(_templates(*modules).values(), {**values, "keep": int(keep)}, kinds, like)


class Network:
    """One architecture in float32 or float64, with the standardization of its pixels.

    Without one, images come as floats that the caller has standardized. An architecture with an operation that the
    kernels lack is refused with an InputError.
    """

    def __init__(
        self, architecture: Architecture, dtype: Any, standardization: Standardization | None, team: Team
    ) -> None:
        missing = ", ".join(sorted(unsupported(architecture)))
        if missing:
            raise InputError("architecture", missing, "the fused engine has no such operation", "use the notes engine")
        self.architecture, self.dtype, self.team = architecture, np.dtype(dtype), team
        self.plan = plan_of(architecture, lanes_of(dtype))
        self.pixel_dtype = np.dtype(np.uint8) if standardization else self.dtype
        mean, std = (standardization.mean, standardization.std) if standardization else (0.0, 1.0)
        channels = architecture.input_shape[2]
        scale = np.broadcast_to(1 / np.asarray(std, np.float64), channels)
        self._scale = scale.astype(self.dtype)
        self._shift = (-np.asarray(mean, np.float64) * scale).astype(self.dtype)
        self._ones = np.ones((channels, 1), self.dtype)
        kinds = f"{self.pixel_dtype.name}_{self.dtype.name}"
        self._kernels = {keep: _kernels(tuple(self.plan.sizes.items()), keep, kinds) for keep in (False, True)}
        self._idle: dict[bool, list[Workspace]] = {True: [], False: []}
        self._alone = Team(1)
        self._tasks = np.array(
            [
                (number, task * layer.inputs // tasks, (task + 1) * layer.inputs // tasks)
                for number, layer in enumerate(architecture.denses)
                for tasks in [min(_TASKS, -(-layer.inputs // 64))]
                for task in range(tasks)
            ]
        )

    def loss_and_gradients(
        self, parameters: Parameters, X: Stored, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """Return each image's loss and class probabilities, and the gradient of the mean loss."""
        X, batch = self._checked(X), len(X)
        y = ideal(labels, self.architecture.classes, self.dtype)
        if len(y) != batch:
            rule = f"{batch} images need as many labels"
            raise InputError("labels", f"{len(y)} labels", rule, "give one label per image")
        weights = upstream(sample_weight, np.empty(batch, self.dtype)) / self.dtype.type(batch)
        return self._both_passes(parameters, X, y, weights)

    def predict(self, parameters: Parameters, X: Stored) -> Array:
        """Return class probabilities, shape (batch, classes)."""
        return self._forward(parameters, self._checked(X))

    def pending(self, predictions: bool, gradients: bool) -> int:
        """Return how many kernels ``prepare`` compiles."""
        return (self._kernels[False].pending("predict") if predictions else 0) + (
            self._kernels[True].pending("turn_weights", "learn", "dense_gradients") if gradients else 0
        )

    def prepare(self, predictions: bool, gradients: bool) -> None:
        """Compile the kernels of ``predict`` and of ``loss_and_gradients``: a batch of no images calls each of them."""
        parameters = Parameters.zeros(self.architecture, self.dtype)
        nothing = np.empty((0, *self.architecture.input_shape), self.pixel_dtype)
        if predictions:
            self._forward(parameters, nothing)
        if gradients:
            y = np.empty((0, self.architecture.classes), self.dtype)
            self._both_passes(parameters, nothing, y, np.empty(0, self.dtype))

    def _both_passes(self, parameters: Parameters, X: Any, y: Array, weights: Array) -> tuple[Array, Array, Parameters]:
        batch, theta, plan, kernels = len(X), parameters.vector, self.plan, self._kernels[True]
        space, team = self._take(batch, backward=True), self._team(batch, passes=3)
        self._pack(theta, space, ("F", "turned", "table"))
        kernels["turn_weights"](plan.denses, theta, space.packed.w)
        gradient = Parameters(self.architecture, np.empty_like(theta))
        losses, z = np.empty(batch, self.dtype), np.empty(y.shape, self.dtype)
        size = chunk_size(batch)
        gradients = space.gradients[: -(-batch // size)]
        learn, collect = kernels["learn"], kernels["dense_gradients"]

        def both_passes(worker: int, _: int) -> None:
            learn(
                X, y, weights, self._scale, self._shift, self._alpha(parameters), plan.convolutions, plan.denses, theta,
                space.packed, space.scratch[worker], space.rows, plan.totals["t"], z, losses, gradients, space.counter,
                size,
            )  # fmt: skip

        def dense_gradients(worker: int, _: int) -> None:
            collect(batch, plan.denses, space.rows, plan.totals["t"], gradient.vector, self._tasks, space.counter)

        for task in (both_passes, dense_gradients):
            space.counter[0] = 0
            team.run(task)
        gradient.vector[plan.gradient_indices] = gradients.sum(axis=0)
        self._idle[True].append(space)
        return losses, z, gradient

    def _forward(self, parameters: Parameters, X: Any) -> Array:
        batch, theta, plan = len(X), parameters.vector, self.plan
        z = np.empty((batch, self.architecture.classes), self.dtype)
        space, kernel = self._take(batch, backward=False), self._kernels[False]["predict"]
        self._pack(theta, space, ("F",))
        size = chunk_size(batch)

        def forward(worker: int, _: int) -> None:
            kernel(
                X, self._scale, self._shift, self._alpha(parameters), plan.convolutions, plan.denses, theta,
                space.packed, space.scratch[worker], space.rows, plan.totals["t"], z, space.counter, size,
            )  # fmt: skip

        space.counter[0] = 0
        self._team(batch, passes=1).run(forward)
        self._idle[False].append(space)
        return z

    def _pack(self, theta: Array, space: Workspace, kinds: Sequence[str]) -> None:
        for kind in kinds:
            targets, sources = self.plan.packing[kind]
            getattr(space.packed, kind)[targets] = theta[sources]

    def _alpha(self, parameters: Parameters) -> Array:
        """Return the first convolution's depth weights; ones for the plain sum."""
        first = self.architecture.convolutions[0]
        return parameters[first.alpha] if first.mixing_shape else self._ones

    def _team(self, batch: int, passes: int) -> Team:
        """Return the threads, or the caller alone where there is little work. A backward pass counts as two forward."""
        return self.team if passes * batch * self.plan.multiply_adds >= ENOUGH else self._alone

    def _take(self, batch: int, backward: bool) -> Workspace:
        """Return a workspace that no other thread uses, for at least that many images."""
        idle = self._idle[backward]
        with suppress(IndexError):  # none is left
            while True:
                space = idle.pop()
                if space.batch >= batch:
                    return space
        return Workspace(self.plan, self.dtype, batch, self.team.threads, backward)

    def _checked(self, X: Any) -> Any:
        expected = self.architecture.input_shape
        if X.ndim != 4 or X.shape[1:] != expected or len(X) == 0:
            rule = f"must have the shape (batch, {', '.join(map(str, expected))})"
            raise InputError("X", X.shape, rule, "resize or reshape the images")
        if X.dtype != self.pixel_dtype:
            raise InputError("X", X.dtype, f"must be {self.pixel_dtype}", "convert it with .astype")
        # Kernels are compiled for one kind of array.
        return np.require(X, requirements=["C", "A", "W"])
