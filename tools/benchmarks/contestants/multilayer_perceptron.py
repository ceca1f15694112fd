"""scikit-learn's MLPClassifier on the same pixels: only dense layers, so a different network, for reference."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from tools.benchmarks.contestants.contestant import Contestant
from tools.benchmarks.networks import LEARNING_RATE, Network


def variants(network: Network) -> tuple[str, ...]:
    """Return the only variant."""
    return ("scikit-learn MLP (dense only)",)


def build(network: Network, variant: str) -> Contestant:
    """Make a classifier with the network's hidden layers."""
    classifier = MLPClassifier(
        hidden_layer_sizes=network.architecture.hidden,
        solver="sgd",
        learning_rate_init=LEARNING_RATE,
        momentum=0,
        alpha=0,
        batch_size=network.batch,
        random_state=0,
    )
    X = network.X.reshape(network.batch, -1)
    classifier.partial_fit(X, network.labels, classes=np.arange(network.architecture.classes))

    def step() -> float:
        classifier.partial_fit(X, network.labels)
        return float(classifier.loss_)

    return Contestant(
        step=step, predict=lambda: classifier.predict_proba(X), predict_one=lambda: classifier.predict_proba(X[:1])
    )
