"""handgrad's engines, on pixels as stored."""

from __future__ import annotations

from typing import Any

from handgrad.engine import Engine, NotesEngine
from handgrad.parameters import Parameters
from handgrad.training import optimizer as plain
from tools.benchmarks.contestants.contestant import Contestant
from tools.benchmarks.networks import LEARNING_RATE, Network


def variants(network: Network) -> tuple[str, ...]:
    """Return the names of the engines."""
    return ("handgrad fused", "handgrad fused, 1 thread")


def oracle_variants(network: Network) -> tuple[str, ...]:
    """Return the name of the engine that all are compared with."""
    return ("handgrad notes",)


def build(network: Network, variant: str) -> Contestant:
    """Make the engine of that name."""
    parameters = network.start(peers=False)
    engine, optimizer = _engine_and_optimizer(network, variant, parameters)
    images, labels, one = network.images, network.labels, network.images[:1]

    def step() -> Any:
        losses, _, gradient = engine.loss_and_gradients(parameters, images, labels)
        optimizer.update(parameters, gradient, LEARNING_RATE)
        return losses.mean()

    return Contestant(
        step=step,
        predict=lambda: engine.predict(parameters, images),
        predict_one=lambda: engine.predict(parameters, one),
        parameters=lambda: parameters,
    )


def _engine_and_optimizer(network: Network, variant: str, parameters: Parameters) -> tuple[Engine, plain.Optimizer]:
    if variant == "handgrad notes":
        return NotesEngine(network.standardization), plain.SGD(parameters, momentum=0, weight_decay=0)
    from handgrad.fused.network import FusedEngine
    from handgrad.training import fused_optimizer as fused

    engine = FusedEngine(network.standardization, threads=1 if variant.endswith("1 thread") else None)
    return engine, fused.SGD(parameters, momentum=0, weight_decay=0, team=engine.team)
