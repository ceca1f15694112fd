"""The classifier in scikit-learn's pipelines, searches and processes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, cpu_count, delayed
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from handgrad import HandgradClassifier
from handgrad.data import load
from handgrad.fused.team import default_threads

X, Y = load_digits(return_X_y=True)
X = X.astype(np.uint8)
# Its batches are large enough for several threads.
LARGE: dict[str, Any] = {"random_state": 0, "learning_rate_init": 0.005, "batch_size": 400, "max_iter": 3}


def threads_beside(classifier: HandgradClassifier, images: Any, labels: Any) -> int:
    """Return the number of threads that the engine has started in this process."""
    classifier.predict(images)
    return sum(thread.name.startswith("handgrad-") for thread in threading.enumerate())


@pytest.fixture
def _no_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HANDGRAD_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("_no_number_of_threads")
def test_a_search_in_two_processes_finds_the_same_without_more_threads() -> None:
    found, beside = {}, {}
    for jobs in (1, 2):
        search = GridSearchCV(
            HandgradClassifier(**LARGE),
            {"hidden_layer_sizes": [(16,), (32,)]},
            cv=2,
            n_jobs=jobs,
            scoring={"accuracy": "accuracy", "threads": threads_beside},
            refit="accuracy",
        ).fit(X[:800], Y[:800])
        vector = search.best_estimator_.model_.parameters.vector
        found[jobs] = search.cv_results_["mean_test_accuracy"].tolist(), search.best_params_, vector.tobytes()
        beside[jobs] = max(max(search.cv_results_[f"split{index}_test_threads"]) for index in (0, 1))
    assert found[1] == found[2]
    # The calling thread is one of them.
    assert beside[1] >= default_threads() - 1
    assert beside[2] <= max(cpu_count() // 2, 1) - 1


@pytest.mark.usefixtures("_no_number_of_threads")
def test_a_joblib_process_takes_its_share_of_the_processors() -> None:
    shares = Parallel(n_jobs=2)(delayed(default_threads)() for _ in range(4))
    assert shares == [max(cpu_count() // 2, 1)] * 4


def test_a_pipeline_may_scale_or_reduce_its_input() -> None:
    scaled = make_pipeline(StandardScaler(), HandgradClassifier(random_state=0, max_iter=10)).fit(X, Y)
    assert scaled[-1].image_shape_ == (8, 8, 1)
    assert scaled.score(X, Y) > 0.9
    reduced = make_pipeline(PCA(20, random_state=0), HandgradClassifier(random_state=0, max_iter=10)).fit(X, Y)
    assert reduced[-1].image_shape_ == (1, 20, 1)
    assert reduced.score(X, Y) > 0.9
    shaped = make_pipeline(
        FunctionTransformer(lambda rows: rows.reshape(-1, 4, 16)),
        HandgradClassifier(random_state=0, max_iter=1, filter_size=(2, 2)),
    )
    with pytest.raises(ValueError, match="the smallest image that works is 6 × 6"):
        shaped.set_params(handgradclassifier__stages=((4, 4, 4, 4),)).fit(X, Y)


def test_cross_validation() -> None:
    classifier = HandgradClassifier(random_state=0, max_iter=5, learning_rate_init=0.005)
    found = cross_validate(classifier, X, Y, cv=3, return_estimator=True, return_train_score=True)
    assert found["test_score"].min() > 0.85
    assert (found["train_score"] > 0.9).all()
    one = found["estimator"][0]
    assert not hasattr(clone(one), "model_")
    assert clone(one).get_params() == classifier.get_params()


def test_it_is_about_as_accurate_as_scikit_learns_own_network() -> None:
    images, unseen, labels, expected = train_test_split(X, Y, stratify=Y, random_state=1)
    own = MLPClassifier((64,), random_state=0, max_iter=400).fit(images / 16, labels).score(unseen / 16, expected)
    assert HandgradClassifier(random_state=0).fit(images, labels).score(unseen, expected) > own - 0.02


def test_mnist(shared_data: Path) -> None:
    dataset = load(str(shared_data / "mnist"))
    train, validation = dataset.train[:6000], dataset.validation[:2000]
    classifier = HandgradClassifier(random_state=0, max_iter=2, learning_rate_init=0.005).fit(
        train.images, train.labels
    )
    assert classifier.image_shape_ == (28, 28, 1)
    assert classifier.score(validation.images, validation.labels) > 0.93
