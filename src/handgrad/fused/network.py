"""The engine: both passes over a batch, the same entry points as ``handgrad.notes.network``."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.fused import blas, convolution, dense, images, passes, pooling, rows, windows
from handgrad.fused.compilation import Suite
from handgrad.fused.plan import Plan
from handgrad.fused.team import Team, default_threads
from handgrad.fused.workspace import FEW, Workspace, chunks
from handgrad.notes.activation import relu, relu_backward
from handgrad.notes.loss import ideal, softmax, upstream
from handgrad.parameters import Parameters
from handgrad.standardisation import Standardisation
from handgrad.typing import Array, Integers, Pixels

ENOUGH = 16_000_000
"""Multiply-adds of a batch that are worth other threads, about a millisecond: less is done before they are awake."""

_TEMPLATES = (
    windows.windows,
    windows.error_windows,
    windows.phases,
    windows.scatter_phases,
    windows.gather_phases,
    convolution.rectify,
    convolution.correlate,
    convolution.rectify_map,
    convolution.rectify_error,
    convolution.filter_gradient,
    pooling.pool,
    pooling.pool_map,
    pooling.pool_error,
    pooling.flatten,
    pooling.unflatten,
    rows.add_row,
    rows.dot,
    rows.add_four_rows,
    dense.softmax,
    dense.outcomes,
    dense.classify,
    images.load,
    images.depth_gradient,
    passes.convolve,
    passes.depth_weight,
    passes.sum_pooled,
    passes.correlate_maps,
    passes.convolve_back,
    passes.weigh_error,
    passes.forward,
    passes.predict_few,
    passes.backward,
)


@cache
def _kernels(k1: int, k2: int, p: int, weighted: bool, keep: bool, kinds: str) -> Suite:
    """Every kernel by name; `keep` where the backward pass follows."""
    sizes = {"k1": k1, "k2": k2, "p": p, "weighted": int(weighted), "keep": int(keep)}
    return Suite(_TEMPLATES, sizes, kinds)


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
        self.layers = self.plan.convolutions
        self.pixel_dtype = np.dtype(np.uint8) if standardisation else self.dtype
        mean, deviation = (standardisation.mean, standardisation.deviation) if standardisation else (0.0, 1.0)
        depth = architecture.input_shape[2]
        scale = np.broadcast_to(1 / np.asarray(deviation, np.float64), depth)
        self._scale = scale.astype(self.dtype)
        self._shift = (-np.asarray(mean, np.float64) * scale).astype(self.dtype)
        self._ones = np.ones((depth, 1), self.dtype)
        weighted = any(layer.depth_weight_shape for layer in architecture.convolutions)
        sizes = (*architecture.filter_size, architecture.pooling, weighted)
        kinds = f"{self.pixel_dtype.name}_{self.dtype.name}"
        self._kernels = {keep: _kernels(*sizes, keep, kinds) for keep in (False, True)}
        self._idle: dict[bool, list[Workspace]] = {True: [], False: []}
        self._alone = Team(1)

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
        gradient = Parameters(self.architecture, np.empty_like(parameters.vector))
        space, team = self._take(batch, backward=True), self._team(batch, passes=3)
        with blas.single_threaded():
            self._forward(team, parameters, X, space, keep=True)
            losses, z = self._dense_passes(team, parameters, space.x[:batch], y, sample_weight, gradient)
            self._backward(team, parameters, X, space, gradient)
        self._idle[True].append(space)
        return losses, z, gradient

    def predict(self, parameters: Parameters, X: Array | Pixels) -> Array:
        """Class probabilities, shape (batch, classes)."""
        X, batch = self._checked(parameters, X), len(X)
        space = self._take(batch, backward=False)
        if batch <= FEW:
            z = self._predict_few(parameters, X, space)
        else:
            team = self._team(batch, passes=1)
            with blas.single_threaded():
                self._forward(team, parameters, X, space, keep=False)
                z = softmax(self._dense_forward(team, parameters, space.x[:batch])[-1])
        self._idle[False].append(space)
        return z

    def _predict_few(self, parameters: Parameters, X: Any, space: Workspace) -> Array:
        theta = parameters.vector
        z = np.empty((len(X), self.architecture.classes), self.dtype)
        np.take(theta, self.plan.packed_places, out=space.F, mode="clip")
        self._kernels[False]["predict_few"](
            X, self._scale, self._shift, self._alpha(parameters), self.layers, self.plan.denses, theta, space.F,
            *space.maps[0], space.scratch[0], space.x, z,
        )  # fmt: skip
        return z

    def _alpha(self, parameters: Parameters) -> Array:
        """Depth weights of the first convolution; ones for the plain sum."""
        first = self.architecture.convolutions[0]
        return parameters[first.alpha] if first.depth_weight_shape else self._ones

    def _team(self, batch: int, passes: int) -> Team:
        """Who shares the work: nobody else where there is little. A backward pass counts as two forward."""
        return self.team if passes * batch * self.plan.multiply_adds >= ENOUGH else self._alone

    def _forward(self, team: Team, parameters: Parameters, X: Any, space: Workspace, keep: bool) -> None:
        """N1–N10."""
        kernel, theta, parts = self._kernels[keep]["forward"], parameters.vector, chunks(len(X))
        alpha = self._alpha(parameters)
        np.take(theta, self.plan.packed_places, out=space.F, mode="clip")

        def part(worker: int, number: int) -> None:
            kernel(
                X, self._scale, self._shift, alpha, self.layers, theta, space.F, *space.maps[worker],
                space.scratch[worker], space.x, *parts[number],
            )  # fmt: skip

        team.share(part, len(parts))

    def _backward(self, team: Team, parameters: Parameters, X: Any, space: Workspace, gradient: Parameters) -> None:
        """N24–N30, N34 and N35, from ∂E/∂x' where x' was."""
        kernel, theta, parts = self._kernels[True]["backward"], parameters.vector, chunks(len(X))
        np.take(theta, self.plan.turned_places, out=space.F_turned, mode="clip")

        def part(worker: int, number: int) -> None:
            kernel(
                X, self._scale, self._shift, self.layers, theta, space.F, space.F_turned, *space.maps[worker],
                space.scratch[worker], space.x, space.gradients[number], *parts[number],
            )  # fmt: skip

        team.share(part, len(parts))
        gradient.vector[self.plan.packed_places] = space.gradients[: len(parts)].sum(axis=0)

    def _dense_forward(self, team: Team, parameters: Parameters, x: Array) -> list[Array]:
        """N11–N13: t of each dense layer."""
        results: list[Array] = []
        for layer in self.architecture.denses:
            entering = relu(results[-1]) if results else x
            results.append(blas.multiply(team, entering, parameters[layer.w]) + parameters[layer.b])
        return results

    def _dense_passes(
        self, team: Team, parameters: Parameters, x: Array, y: Array, sample_weight: Array | None, gradient: Parameters
    ) -> tuple[Array, Array]:
        """N11–N23: losses and probabilities; ∂E/∂x' comes to lie where x' was."""
        results = self._dense_forward(team, parameters, x)
        z, error, losses = np.empty_like(results[-1]), np.empty_like(results[-1]), np.empty(len(x), self.dtype)
        self._kernels[True]["outcomes"](results[-1], y, z, losses, error)
        if sample_weight is not None:
            error *= upstream(sample_weight, losses)[:, np.newaxis]
        for layer, t in zip(reversed(self.architecture.denses), reversed([None, *results[:-1]]), strict=True):
            # t2' = h1' · w2 + b2, h1' = f(t1')
            entering = x if t is None else relu(t)
            gradient[layer.b][:] = error.sum(axis=0)
            entering_error = x if t is None else np.empty_like(t)
            blas.multiply_back(team, entering, parameters[layer.w], error, gradient[layer.w], entering_error)
            error = entering_error if t is None else relu_backward(entering_error, t)
        return losses, z

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
        return Workspace(self.plan, self.dtype, max(batch, FEW), self.team.threads, backward)

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
        self, parameters: Parameters, images: Any, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """Each image's loss and class probabilities, and the gradient of the mean loss."""
        return self._network(parameters).loss_and_gradients(parameters, images, labels, sample_weight)

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


def loss_and_gradients(
    parameters: Parameters, X: Array, labels: Integers | Array, sample_weight: Array | None = None
) -> tuple[Array, Array, Parameters]:
    """As ``notes.network.loss_and_gradients``."""
    return _plain().loss_and_gradients(parameters, X, labels, sample_weight)


def predict(parameters: Parameters, X: Array) -> Array:
    """As ``notes.network.predict``."""
    return _plain().predict(parameters, X)
