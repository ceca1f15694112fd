"""The networks that are measured, and the values that all contestants start from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Pixels

LEARNING_RATE = 0.01
SEED = 20


@dataclass(frozen=True)
class Network:
    """One network and its batch.

    Parameters
    ----------
    name : str
        Its letter.
    title : str
        Its sizes, for people.
    architecture : Architecture
        handgrad's network.
    batch : int
        Batch size of a training step and of a prediction in batches.
    peers_maps : int, optional
        Maps of the peers' convolutions if they compute another network; 16 maps of 16 filters with depth weights fixed
        at the identity are an ordinary convolution.
    """

    name: str
    title: str
    architecture: Architecture
    batch: int
    peers_maps: int | None = None

    @cached_property
    def images(self) -> Pixels:
        """Pixels of shape (batch, height, width, channels): noise, so that no two values of a pooling window tie."""
        rng = np.random.default_rng(SEED)
        return rng.integers(0, 256, (self.batch, *self.architecture.input_shape), dtype=np.uint8)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Draw class numbers of shape (batch,)."""
        return np.random.default_rng(SEED + 1).integers(0, self.architecture.classes, self.batch)

    @cached_property
    def standardization(self) -> Standardization:
        """Return the standardization of the images."""
        return Standardization.of(self.images)

    @cached_property
    def X(self) -> Array:
        """Return the standardized images in float32, which the peers are given."""
        return self.standardization.apply(self.images, np.float32)

    def start(self, *, peers: bool) -> Parameters:
        """Return the parameters before the first step, of handgrad's network or of the peers'."""
        rng = np.random.default_rng(SEED + 2)
        if not peers or self.peers_maps is None:
            return Parameters.draw(self.architecture, rng)
        sizes: dict[str, Any] = self.architecture.to_dict() | {"maps": self.peers_maps}
        parameters = Parameters.draw(Architecture.from_dict(sizes), rng)
        for layer in parameters.architecture.convolutions:
            if layer.mixing_shape:
                parameters[layer.alpha][:] = np.eye(*layer.mixing_shape)
        return parameters


def _one_stage(side: int, depth: int, filters: int, hidden: int, classes: int, maps: int | None = None) -> Architecture:
    return Architecture(
        input_shape=(side, side, depth), classes=classes, stages=((filters, filters),), hidden=(hidden,), maps=maps
    )


_TWO_STAGES = Architecture(input_shape=(64, 64, 3), classes=10, stages=((16, 16), (16, 16)), hidden=(32,))

NETWORKS = {
    network.name: network
    for network in (
        Network("A", "28×28×1, 16 and 16 filters, hidden 64, 10 classes", _one_stage(28, 1, 16, 64, 10), 128),
        Network("B", "100×100×3, 16 and 16 filters, hidden 10, 2 classes", _one_stage(100, 3, 16, 10, 2), 32),
        Network("C", "28×28×1, 32 and 32 filters, hidden 128, 10 classes", _one_stage(28, 1, 32, 128, 10), 128),
        Network("D", "8×8×1, 16 and 16 filters, hidden 64, 10 classes", _one_stage(8, 1, 16, 64, 10), 128),
        Network("E", "64×64×3, 16, 16, pooled, 16 and 16 filters, hidden 32, 10 classes", _TWO_STAGES, 32),
        Network(
            "F",
            "A with 4 maps; the peers: ordinary convolutions 1→16→16",
            _one_stage(28, 1, 16, 64, 10, maps=4),
            128,
            peers_maps=16,
        ),
    )
}
