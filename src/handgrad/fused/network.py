"""The engine: both passes over a batch, the same entry points as ``handgrad.notes.network``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.fused import convolution, dense, images, passes, pooling
from handgrad.fused.compilation import Suite
from handgrad.fused.plan import Plan
from handgrad.fused.team import Team, default_threads
from handgrad.fused.vectors import lanes_of
from handgrad.fused.workspace import Workspace, chunk_size
from handgrad.notes.loss import ideal, upstream
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Integers, Pixels

ENOUGH = 8_000_000
"""Multiply-adds of a batch that are worth other threads: less is done before they are awake."""

_TASKS = 16
"""Splits that the largest weights' gradient is cut into. The cut does not depend on the number of threads."""

_TEMPLATES = (
    convolution.rectify,
    convolution.rectify_maps,
    convolution.error_of_maps,
    convolution.rectify_error,
    convolution.filter_gradient,
    convolution.gather_filter_gradient,
    convolution.correlate_back,
    pooling.pool,
    pooling.pool_back,
    pooling.gather_patches,
    pooling.sum_pooled,
    pooling.spread_error,
    dense.multiply,
    dense.eight_rows,
    dense.eight_rows_part,
    dense.one_row,
    dense.turn,
    dense.forward,
    dense.backward,
    dense.weight_gradient,
    dense.softmax,
    dense.outcomes,
    images.load_image,
    images.depth_gradient,
    passes.convolve,
    passes.convolve_back,
    passes.predict,
    passes.learn,
    passes.dense_gradients,
    passes.turn_weights,
)


@cache
def _kernels(sizes: tuple[tuple[str, int], ...], keep: bool, kinds: str) -> Suite:
    """Every kernel by name; `keep` where the backward pass follows."""
    return Suite(_TEMPLATES, {**dict(sizes), "keep": int(keep)}, kinds)


class Network:
    """One architecture in one precision, with the standardization of its inputs.

    Parameters
    ----------
    architecture : Architecture
    dtype : dtype
        float32 or float64.
    standardization : Standardization or None
        None where images come as numbers, standardized by the caller.
    team : Team
    """

    def __init__(
        self, architecture: Architecture, dtype: Any, standardization: Standardization | None, team: Team
    ) -> None:
        self.architecture, self.dtype, self.team = architecture, np.dtype(dtype), team
        self.plan = Plan(architecture, lanes_of(dtype))
        self.pixel_dtype = np.dtype(np.uint8) if standardization else self.dtype
        mean, std = (standardization.mean, standardization.std) if standardization else (0.0, 1.0)
        depth = architecture.input_shape[2]
        scale = np.broadcast_to(1 / np.asarray(std, np.float64), depth)
        self._scale = scale.astype(self.dtype)
        self._shift = (-np.asarray(mean, np.float64) * scale).astype(self.dtype)
        self._ones = np.ones((depth, 1), self.dtype)
        kinds = f"{self.pixel_dtype.name}_{self.dtype.name}"
        self._kernels = {keep: _kernels(tuple(self.plan.sizes.items()), keep, kinds) for keep in (False, True)}
        self._idle: dict[bool, list[Workspace]] = {True: [], False: []}
        self._alone = Team(1)
        self._layers = (self.plan.convolutions, self.plan.denses)
        self._stride = self.plan.totals["t"]
        self._tasks = np.array(
            [
                (number, part * layer.inputs // parts, (part + 1) * layer.inputs // parts)
                for number, layer in enumerate(architecture.denses)
                for parts in [min(_TASKS, -(-layer.inputs // 64))]
                for part in range(parts)
            ]
        )

    def loss_and_gradients(
        self, parameters: Parameters, X: Array | Pixels, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """Each image's loss and class probabilities, and the gradient of the mean loss."""
        X, batch = self._checked(parameters, X), len(X)
        y = ideal(labels, self.architecture.classes, self.dtype)
        if len(y) != batch:
            raise InputError(
                "labels", f"{len(y)} labels", f"{batch} images need as many labels", "give one label an image"
            )
        theta, gradient = parameters.vector, Parameters(self.architecture, np.empty_like(parameters.vector))
        losses, z = np.empty(batch, self.dtype), np.empty(y.shape, self.dtype)
        weights = upstream(sample_weight, losses) / self.dtype.type(batch)
        space, team, kernels = self._take(batch, backward=True), self._team(batch, passes=3), self._kernels[True]
        self._pack(parameters, space, ("F", "turned", "table"))
        kernels["turn_weights"](self.plan.denses, theta, space.packed.w)
        size = chunk_size(batch)
        learn, collect = kernels["learn"], kernels["dense_gradients"]
        gradients = space.gradients[: -(-batch // size)]

        def both_passes(worker: int, _: int) -> None:
            learn(
                X, y, weights, self._scale, self._shift, self._alpha(parameters), *self._layers, theta, space.packed,
                space.scratch[worker], space.rows, self._stride, z, losses, gradients, space.counter, size,
            )  # fmt: skip

        def dense_gradients(worker: int, _: int) -> None:
            collect(batch, self.plan.denses, space.rows, self._stride, gradient.vector, self._tasks, space.counter)

        for part in (both_passes, dense_gradients):
            space.counter[0] = 0
            team.run(part)
        gradient.vector[self.plan.gradient_places] = gradients.sum(axis=0)
        self._idle[True].append(space)
        return losses, z, gradient

    def predict(self, parameters: Parameters, X: Array | Pixels) -> Array:
        """Class probabilities, shape (batch, classes)."""
        X, batch = self._checked(parameters, X), len(X)
        z = np.empty((batch, self.architecture.classes), self.dtype)
        space, kernel = self._take(batch, backward=False), self._kernels[False]["predict"]
        self._pack(parameters, space, ("F",))
        size = chunk_size(batch)

        def forward(worker: int, _: int) -> None:
            kernel(
                X, self._scale, self._shift, self._alpha(parameters), *self._layers, parameters.vector, space.packed,
                space.scratch[worker], space.rows, self._stride, z, space.counter, size,
            )  # fmt: skip

        space.counter[0] = 0
        self._team(batch, passes=1).run(forward)
        self._idle[False].append(space)
        return z

    def _pack(self, parameters: Parameters, space: Workspace, kinds: Sequence[str]) -> None:
        for kind in kinds:
            targets, sources = self.plan.packing[kind]
            getattr(space.packed, kind)[targets] = parameters.vector[sources]

    def _alpha(self, parameters: Parameters) -> Array:
        """Depth weights of the first convolution; ones for the plain sum."""
        first = self.architecture.convolutions[0]
        return parameters[first.alpha] if first.mixing_shape else self._ones

    def _team(self, batch: int, passes: int) -> Team:
        """Who shares the work: nobody else where there is little. A backward pass counts as two forward."""
        return self.team if passes * batch * self.plan.multiply_adds >= ENOUGH else self._alone

    def _take(self, batch: int, backward: bool) -> Workspace:
        """A workspace that no other thread uses, of at least that many images."""
        idle = self._idle[backward]
        while idle:
            try:
                space = idle.pop()
            except IndexError:  # another thread was faster
                break
            if space.batch >= batch:
                return space
        return Workspace(self.plan, self.dtype, batch, self.team.threads, backward)

    def _checked(self, parameters: Parameters, X: Any) -> Any:
        expected = self.architecture.input_shape
        if X.ndim != 4 or X.shape[1:] != expected or len(X) == 0:
            raise InputError(
                "X",
                X.shape,
                f"must have the shape (batch, {', '.join(map(str, expected))})",
                "resize or reshape the images",
            )
        if X.dtype != self.pixel_dtype:
            raise InputError("X", X.dtype, f"must be {self.pixel_dtype}", "convert it with .astype")
        # Kernels are compiled for one kind of array.
        return np.require(X, requirements=["C", "A", "W"])


class ArrayEngine:
    """Both passes as fused kernels, over images that are numbers standardized by the caller.

    Several threads may call one engine at once.

    Parameters
    ----------
    threads : int, optional
        Threads that share a batch; ``default_threads()`` if left out. The results do not depend on it, to the bit.

    Examples
    --------
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> ArrayEngine().predict(network, np.ones((1, 6, 6, 1), "float32"))  # doctest: +SKIP
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, threads: int | None = None) -> None:
        self.team = Team(threads or default_threads())
        self._networks: dict[tuple[Architecture, str, Standardization | None], Network] = {}

    def loss_and_gradients(
        self, parameters: Parameters, images: Any, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """Each image's loss and class probabilities, and the gradient of the mean loss."""
        network, X = self._prepared(parameters, images)
        return network.loss_and_gradients(parameters, X, labels, sample_weight)

    def predict(self, parameters: Parameters, images: Any) -> Array:
        """Class probabilities, shape (batch, classes)."""
        network, X = self._prepared(parameters, images)
        return network.predict(parameters, X)

    def _prepared(self, parameters: Parameters, images: Any) -> tuple[Network, Any]:
        """Who computes, and what of."""
        return self._network(parameters, None), images

    def _network(self, parameters: Parameters, standardization: Standardization | None) -> Network:
        architecture, dtype = parameters.architecture, parameters.vector.dtype
        key = (architecture, dtype.str, standardization)
        if key not in self._networks:
            self._networks[key] = Network(architecture, dtype, standardization, self.team)
        return self._networks[key]


class FusedEngine(ArrayEngine):
    """Both passes as fused kernels over images as stored: the notes engine's numbers, several times faster.

    Parameters
    ----------
    standardization : Standardization
        Applied to pixels while they are loaded, to floats before.
    threads : int, optional
        As in ``ArrayEngine``.
    """

    name = "fused"

    def __init__(self, standardization: Standardization, threads: int | None = None) -> None:
        super().__init__(threads)
        self.standardization = standardization

    def _prepared(self, parameters: Parameters, images: Any) -> tuple[Network, Any]:
        if images.dtype == np.uint8:
            return self._network(parameters, self.standardization), images
        return self._network(parameters, None), self.standardization.apply(images, parameters.vector.dtype)


@cache
def _plain() -> ArrayEngine:
    return ArrayEngine()


def loss_and_gradients(
    parameters: Parameters, X: Array, labels: Integers | Array, sample_weight: Array | None = None
) -> tuple[Array, Array, Parameters]:
    """As ``notes.network.loss_and_gradients``."""
    return _plain().loss_and_gradients(parameters, X, labels, sample_weight)


def predict(parameters: Parameters, X: Array) -> Array:
    """As ``notes.network.predict``."""
    return _plain().predict(parameters, X)
