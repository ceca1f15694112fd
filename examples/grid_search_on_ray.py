"""Run scikit-learn's grid search on a Ray cluster: joblib distributes the fits, Ray runs them.

It needs ``pip install 'handgrad[ray]'``. RAY_ADDRESS names a cluster; without it, Ray starts on this machine.
"""

import numpy as np
import ray
from joblib import parallel_backend
from ray.util.joblib import register_ray
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from handgrad import HandgradClassifier


def search() -> GridSearchCV:
    """Find the best of four classifiers of digits; test it once, at the end."""
    digits = load_digits()
    images, labels = (digits.images * 255 / 16).round().astype(np.uint8), digits.target
    X, X_test, y, y_test = train_test_split(images, labels, stratify=labels, random_state=0)
    classifier = HandgradClassifier(max_iter=10, n_threads=1, random_state=0)
    grid = {"hidden_layer_sizes": [(), (64,)], "learning_rate_init": [0.003, 0.01]}
    found = GridSearchCV(classifier, grid, cv=2, n_jobs=-1)
    register_ray()
    with parallel_backend("ray"):
        found.fit(X, y)
    print(
        f"{found.best_params_}: {found.best_score_:.1%} in cross-validation, {found.score(X_test, y_test):.1%} on test"
    )
    return found


if __name__ == "__main__":
    ray.init(log_to_driver=False)
    search()
