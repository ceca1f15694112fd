"""scikit-learn's usual choices on the same pixels and splits: ``python -m tools.accuracy.scikit_learn SPEC NAME``."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from handgrad.data import load

MULTILAYER_PERCEPTRON = "MLPClassifier"
COMPONENTS = 100
CHOICES: dict[str, Callable[[int], Any]] = {
    # Its documentation trains MNIST with pixels from 0 to 1; early stopping holds out a tenth of the images.
    MULTILAYER_PERCEPTRON: lambda seed: MLPClassifier(early_stopping=True, random_state=seed),
    "logistic regression": lambda seed: _reduced(LogisticRegression(class_weight="balanced", max_iter=2_000), seed),
    "support vector machine": lambda seed: _reduced(SVC(class_weight="balanced", random_state=seed), seed),
    "random forest": lambda seed: RandomForestClassifier(300, class_weight="balanced", random_state=seed),
    "gradient boosting": lambda seed: _reduced(
        HistGradientBoostingClassifier(class_weight="balanced", random_state=seed), seed
    ),
    "nearest neighbors": lambda seed: _reduced(KNeighborsClassifier(), seed),
}
"""Estimators by name, for a seed. Those that suffer from 10,000 correlated features get principal components."""


def _reduced(estimator: Any, seed: int) -> Any:
    return make_pipeline(PCA(COMPONENTS, whiten=True, random_state=seed), StandardScaler(), estimator)


def main() -> None:
    """Train, test and print."""
    spec, name = json.loads(sys.argv[1]), sys.argv[2]
    dataset = load(spec["source"], seed=spec["seed"], group_by=spec["group_by"])
    estimator = CHOICES[name](spec["seed"])
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(features(dataset.train.images), dataset.train.labels)
    seconds = time.perf_counter() - started
    predicted, labels = estimator.predict(features(dataset.test.images)), dataset.test.labels
    print(
        json.dumps(
            {
                "seconds": seconds,
                "test_accuracy": float(accuracy_score(labels, predicted)),
                "test_balanced_accuracy": float(balanced_accuracy_score(labels, predicted)),
            }
        )
    )


def features(images: Any) -> Any:
    """Return one row of pixels from 0 to 1 per image."""
    return images[:].reshape(len(images), -1).astype("float32") / 255


if __name__ == "__main__":
    main()
