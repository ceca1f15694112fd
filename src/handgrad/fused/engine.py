"""The fused engine: its networks, threads and optimizers behind the protocol of ``handgrad.engine``."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from handgrad.architecture import Architecture
from handgrad.fused import optimizer, spinning, warping
from handgrad.fused.compilation import Compilation, Compiling, announced
from handgrad.fused.network import Network
from handgrad.fused.team import Team, default_threads
from handgrad.optimizer import Optimizer, RecipeLike
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Integers, Stored


class FusedEngine:
    """Both passes as fused kernels: the notes engine's numbers, several times faster.

    Pixels are standardized while they are loaded, floats before. `threads` share a batch, by default
    ``default_threads()``; the results do not depend on it, bit for bit. Several threads may call one engine at once.

    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> engine = FusedEngine(Standardization((0.0,), (1.0,)))
    >>> engine.predict(network, np.ones((1, 6, 6, 1), np.uint8))  # doctest: +SKIP
    array([[0.5, 0.5]], dtype=float32)
    """

    name = "fused"

    def __init__(self, standardization: Standardization, threads: int | None = None) -> None:
        self.standardization = standardization
        self.team = Team(threads or default_threads())
        self._networks: dict[tuple[Architecture, str, bool], Network] = {}

    def loss_and_gradients(
        self, parameters: Parameters, images: Stored, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """See ``engine.Engine``."""
        network, X = self._prepared(parameters, images)
        return network.loss_and_gradients(parameters, X, labels, sample_weight)

    def predict(self, parameters: Parameters, images: Stored) -> Array:
        """See ``engine.Engine``."""
        network, X = self._prepared(parameters, images)
        return network.predict(parameters, X)

    def optimizer(self, recipe: RecipeLike, parameters: Parameters) -> Optimizer:
        """See ``engine.Engine``."""
        return optimizer.create(recipe, parameters, self.team)

    def prepare(
        self,
        parameters: Parameters,
        pixels: DTypeLike = np.uint8,
        *,
        predictions: bool = True,
        gradients: bool = False,
        recipe: RecipeLike | None = None,
        compiling: Compiling = lambda name, done, total: None,
    ) -> Compilation | None:
        """See ``engine.Engine``."""
        network = self._network(parameters, np.dtype(pixels) == np.uint8)
        gradients = gradients or recipe is not None
        pending = network.pending(predictions, gradients) + spinning.pending()
        if recipe:
            pending += optimizer.pending(recipe, parameters.vector.dtype) + (warping.pending() if recipe.augment else 0)
        with announced(compiling, pending) as compiled:
            network.prepare(predictions, gradients)
            # Wakes every thread, which compiles how they wait.
            self.team.run(lambda number, threads: None)
            if recipe:
                optimizer.prepare(recipe, parameters.vector.dtype)
                if recipe.augment:
                    warping.prepare()
        return compiled if compiled.seconds else None

    def _prepared(self, parameters: Parameters, images: Stored) -> tuple[Network, Stored]:
        """Return the network that computes, and its input."""
        if images.dtype == np.uint8:
            return self._network(parameters, True), images
        return self._network(parameters, False), self.standardization.apply(images, parameters.vector.dtype)

    def _network(self, parameters: Parameters, of_pixels: bool) -> Network:
        architecture, dtype = parameters.architecture, parameters.vector.dtype
        key = (architecture, dtype.str, of_pixels)
        if key not in self._networks:
            standardization = self.standardization if of_pixels else None
            self._networks[key] = Network(architecture, dtype, standardization, self.team)
        return self._networks[key]
