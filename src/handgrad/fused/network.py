"""The engine: both passes over a batch, the same entry points as ``handgrad.notes.network``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.fused import convolution, dense, images, passes, pooling, windows
from handgrad.fused.compilation import Suite
from handgrad.fused.plan import Plan
from handgrad.fused.team import Team, default_threads
from handgrad.fused.workspace import Workspace, chunks
from handgrad.notes.loss import ideal
from handgrad.parameters import Parameters
from handgrad.standardisation import Standardisation
from handgrad.typing import Array, Integers, Pixels

Share = Callable[[int], None]
"""Does task number n of a part of the step."""

_SHARED = (
    windows.windows,
    windows.error_windows,
    windows.phases,
    windows.scatter_phases,
    windows.gather_phases,
    convolution.correlate,
    convolution.rectify_map,
    convolution.rectify_error,
    convolution.filter_gradient,
    pooling.pool_map,
    pooling.pool_error,
    dense.dots_4x2,
    dense.dot,
    dense.add_products,
    dense.add_rows_2x4,
    dense.add_row,
    dense.add_four_rows,
    dense.copy_row,
    dense.combine_rows,
    dense.softmax_cross_entropy,
    dense.transpose_cells,
    dense.untranspose_cells,
    images.load,
    images.depth_gradient,
    passes.correlate_maps,
    passes.weigh_error,
    passes.convolve_back,
    passes.rectify_results,
    passes.dense_forward,
    passes.dense_forward_few,
    passes.dense_back,
    passes.transpose_weights,
    passes.weight_gradient,
)
_FORWARD = (convolution.rectify, pooling.pool, passes.convolve)
"""Kernels that differ where the backward pass follows."""


@cache
def _shared(k1: int, k2: int, p: int, suffix: str) -> Suite:
    return Suite(_SHARED, {"k1": k1, "k2": k2, "p": p}, suffix)


@cache
def _kernels(k1: int, k2: int, p: int, suffix: str, keep: bool) -> Suite:
    """Every kernel by name; `keep` where the backward pass follows."""
    own = (*_FORWARD, passes.chunk_passes if keep else passes.chunk_predictions)
    return Suite(own, {"k1": k1, "k2": k2, "p": p, "keep": int(keep)}, suffix, _shared(k1, k2, p, suffix))


class Network:
    """One architecture in one precision, with the standardisation of its inputs.

    Parameters
    ----------
    architecture : Architecture
    dtype : dtype
        float32 or float64.
    standardisation : Standardisation or None
        None where images come as numbers, standardised by the caller.
    team : Team
    """

    def __init__(
        self, architecture: Architecture, dtype: Any, standardisation: Standardisation | None, team: Team
    ) -> None:
        self.architecture, self.dtype, self.team = architecture, np.dtype(dtype), team
        self.plan = Plan(architecture)
        self.layers, self.denses = self.plan.convolutions, self.plan.denses
        self.pixel_dtype = np.dtype(np.uint8) if standardisation else self.dtype
        mean, deviation = (standardisation.mean, standardisation.deviation) if standardisation else (0.0, 1.0)
        depth = architecture.input_shape[2]
        scale = np.broadcast_to(1 / np.asarray(deviation, np.float64), depth)
        self._scale = scale.astype(self.dtype)
        self._shift = (-np.asarray(mean, np.float64) * scale).astype(self.dtype)
        self._ones = np.ones((depth, 1), self.dtype)
        self._first, self._last = self.layers[0], self.layers[-1]
        self._filters = int(self._last.filters)
        self._offsets = np.array([self.plan.parameter_places[layer.w] for layer in architecture.denses])
        sizes = (*architecture.filter_size, architecture.pooling, f"{self.pixel_dtype.name}_{self.dtype.name}")
        self._suites = [_kernels(*sizes, keep) for keep in (False, True)]
        self._idle: dict[bool, list[Workspace]] = {True: [], False: []}
        self._lock = threading.Lock()

    def kernels(self, keep: bool) -> Suite:
        """The kernels for these sizes and kinds of numbers; `keep` where the backward pass follows."""
        return self._suites[keep]

    def loss_and_gradients(
        self, parameters: Parameters, X: Array | Pixels, labels: Integers | Array
    ) -> tuple[Array, Array, Parameters]:
        """Each image's loss and class probabilities, and the gradient of the mean loss."""
        X, batch = self._checked(parameters, X), len(X)
        y = ideal(labels, self.architecture.classes, self.dtype)
        if len(y) != batch:
            raise InputError(
                "labels", f"{len(y)} labels", f"{batch} images need as many labels", "give one label an image"
            )
        space = self._take(batch, backward=True)
        kernels, theta = self.kernels(keep=True), parameters.vector
        shared, parts = space.shared(batch), chunks(batch)
        gradient = Parameters(self.architecture, np.empty_like(theta))
        shared.y[:] = y
        self._prepare(kernels, parameters, X, space, shared, parts)

        def both_passes(worker: int, start: int, stop: int) -> None:
            for part in range(start, stop):
                kernels["chunk_passes"](
                    self.layers, self.denses, theta, space.packed, shared, space.kept[worker], space.scratch[worker],
                    *parts[part], space.gradients[part],
                )  # fmt: skip

        def weight_gradients(worker: int, start: int, stop: int) -> None:
            kernels["weight_gradient"](
                self.denses, self._last, self._offsets, shared, space.weight_errors[worker], gradient.vector,
                start, stop,
            )  # fmt: skip

        self._run(both_passes, len(parts))
        self._run(weight_gradients, self._filters)
        gradient.vector[self.plan.packed_places] = space.gradients[: len(parts)].sum(axis=0)
        if self._first.weighted:
            self._first_depth_gradient(kernels, X, space, shared, gradient)
        losses, probabilities = shared.E.copy(), shared.z.copy()
        self._give_back(space, backward=True)
        return losses, probabilities, gradient

    def predict(self, parameters: Parameters, X: Array | Pixels) -> Array:
        """Class probabilities, shape (batch, classes)."""
        X, batch = self._checked(parameters, X), len(X)
        space = self._take(batch, backward=False)
        kernels, theta = self.kernels(keep=False), parameters.vector
        shared, parts = space.shared(batch), chunks(batch)
        self._prepare(kernels, parameters, X, space, shared, parts)

        def forward_pass(worker: int, start: int, stop: int) -> None:
            for part in range(start, stop):
                kernels["chunk_predictions"](
                    self.layers, self.denses, self._offsets, theta, space.packed, shared, space.kept[worker],
                    space.scratch[worker], space.few(batch), *parts[part],
                )  # fmt: skip

        self._run(forward_pass, len(parts))
        probabilities: Array = shared.z.copy()
        self._give_back(space, backward=False)
        return probabilities

    def _prepare(self, kernels: Any, parameters: Parameters, X: Any, space: Workspace, shared: Any, parts: Any) -> None:
        """Packs the parameters and loads the images."""
        first = self.architecture.convolutions[0]
        alpha = parameters[first.alpha] if first.depth_weight_shape else self._ones
        np.take(parameters.vector, self.plan.packed_places, out=space.packed.F)
        np.take(parameters.vector, self.plan.turned_places, out=space.packed.F_turned)
        # A few predictions take the weights as they lie.
        filters = 0 if space.few(len(X)) else self._filters

        def prepare(worker: int, start: int, stop: int) -> None:
            if start < filters:
                kernels["transpose_weights"](
                    self.denses, self._last, self._offsets, parameters.vector, space.packed.W, start,
                    min(stop, filters),
                )  # fmt: skip
            for part in range(max(start - filters, 0), stop - filters):
                kernels["load"](X, self._scale, self._shift, alpha, self._first, shared.S0, *parts[part])

        self._run(prepare, filters + len(parts))

    def _first_depth_gradient(self, kernels: Any, X: Any, space: Workspace, shared: Any, gradient: Parameters) -> None:
        parts = chunks(len(X))
        sums = space.depth_gradients[: len(parts)]
        sums[:] = 0

        def depth_gradients(worker: int, start: int, stop: int) -> None:
            for part in range(start, stop):
                kernels["depth_gradient"](
                    X, self._scale, self._shift, self._first, shared.dS0, sums[part], *parts[part]
                )

        self._run(depth_gradients, len(parts))
        gradient[self.architecture.convolutions[0].alpha][...] = sums.sum(axis=0)

    def _run(self, work: Callable[[int, int, int], None], tasks: int) -> None:
        """Tasks 0 to `tasks`, cut into one run a thread; which thread does a task does not change its result."""
        if tasks == 1:
            work(0, 0, 1)
        else:
            self.team.run(lambda n, threads: work(n, n * tasks // threads, (n + 1) * tasks // threads))

    def _take(self, batch: int, backward: bool) -> Workspace:
        """A workspace that no other thread uses, of at least that many images."""
        with self._lock:
            idle = self._idle[backward]
            while idle:
                space = idle.pop()
                if space.batch >= batch:
                    return space
        return Workspace(self.plan, self.dtype, batch, self.team.threads, backward)

    def _give_back(self, space: Workspace, backward: bool) -> None:
        with self._lock:
            self._idle[backward].append(space)

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
    """Both passes as fused kernels, over images that are numbers standardised by the caller.

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
        self._networks: dict[tuple[Architecture, str], Network] = {}

    def loss_and_gradients(
        self, parameters: Parameters, images: Any, labels: Integers | Array
    ) -> tuple[Array, Array, Parameters]:
        """Each image's loss and class probabilities, and the gradient of the mean loss."""
        return self._network(parameters).loss_and_gradients(parameters, images, labels)

    def predict(self, parameters: Parameters, images: Any) -> Array:
        """Class probabilities, shape (batch, classes)."""
        return self._network(parameters).predict(parameters, images)

    def _network(self, parameters: Parameters) -> Network:
        key = (parameters.architecture, parameters.vector.dtype.str)
        if key not in self._networks:
            self._networks[key] = self._bound(parameters)
        return self._networks[key]

    def _bound(self, parameters: Parameters) -> Network:
        return Network(parameters.architecture, parameters.vector.dtype, None, self.team)


class FusedEngine(ArrayEngine):
    """Both passes as fused kernels over pixels as stored: the notes engine's numbers, several times faster.

    Parameters
    ----------
    standardisation : Standardisation
        Applied to the pixels while they are loaded.
    threads : int, optional
        As in ``ArrayEngine``.
    """

    name = "fused"

    def __init__(self, standardisation: Standardisation, threads: int | None = None) -> None:
        super().__init__(threads)
        self.standardisation = standardisation

    def _bound(self, parameters: Parameters) -> Network:
        return Network(parameters.architecture, parameters.vector.dtype, self.standardisation, self.team)


@cache
def _plain() -> ArrayEngine:
    return ArrayEngine()


def loss_and_gradients(parameters: Parameters, X: Array, labels: Integers | Array) -> tuple[Array, Array, Parameters]:
    """As ``notes.network.loss_and_gradients``."""
    return _plain().loss_and_gradients(parameters, X, labels)


def predict(parameters: Parameters, X: Array) -> Array:
    """As ``notes.network.predict``."""
    return _plain().predict(parameters, X)
