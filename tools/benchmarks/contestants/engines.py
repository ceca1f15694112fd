"""handgrad's engines, on pixels as stored."""

from __future__ import annotations

from typing import Any

from handgrad import engine as engines
from handgrad.engine import Engine
from handgrad.optimizer import Optimizer
from handgrad.parameters import Parameters
from handgrad.training import Recipe
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


def _engine_and_optimizer(network: Network, variant: str, parameters: Parameters) -> tuple[Engine, Optimizer]:
    name = "notes" if variant == "handgrad notes" else "fused"
    engine = engines.create(name, network.standardization, threads=1 if variant.endswith("1 thread") else None)
    return engine, engine.optimizer(Recipe(optimizer="sgd", momentum=0, weight_decay=0), parameters)
