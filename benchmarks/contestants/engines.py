"""handgrad's engines, given pixels as stored."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Contestant
from benchmarks.networks import LEARNING_RATE, Network
from handgrad.engine import Engine, NotesEngine
from handgrad.notes import descent


def variants(network: Network) -> tuple[str, ...]:
    """Its engines."""
    return ("handgrad fused", "handgrad fused, 1 thread")


def oracle_variants(network: Network) -> tuple[str, ...]:
    """The engine that all are compared with."""
    return ("handgrad notes",)


def build(network: Network, variant: str) -> Contestant:
    """The engine of that name."""
    engine = _engine(network, variant)
    parameters = network.start(peers=False)
    images, labels, one = network.images, network.labels, network.images[:1]

    def step() -> Any:
        losses, _, gradient = engine.loss_and_gradients(parameters, images, labels)
        parameters.vector[:] = descent.step(parameters.vector, gradient.vector, LEARNING_RATE)
        return losses.mean()

    return Contestant(
        step=step,
        predict=lambda: engine.predict(parameters, images),
        predict_one=lambda: engine.predict(parameters, one),
        parameters=lambda: parameters,
    )


def _engine(network: Network, variant: str) -> Engine:
    if variant == "handgrad notes":
        return NotesEngine(network.standardisation)
    from handgrad.fused.network import FusedEngine

    return FusedEngine(network.standardisation, threads=1 if variant.endswith("1 thread") else None)
