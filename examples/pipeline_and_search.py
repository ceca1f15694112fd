"""A scikit-learn pipeline, and a grid search over the sizes of its network."""

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from handgrad import HandgradClassifier


def framed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add a margin of one pixel, so that a stroke at the border has neighbors too."""
    return np.pad(images, ((0, 0), (1, 1), (1, 1)))


digits = load_digits()
images = (digits.images * 255 / 16).round().astype("uint8")
train, test, labels, test_labels = train_test_split(images, digits.target, stratify=digits.target, random_state=0)

pipeline = make_pipeline(FunctionTransformer(framed), HandgradClassifier(max_iter=10, random_state=0))
search = GridSearchCV(
    pipeline,
    {
        "handgradclassifier__stages": [((8, 8),), ((16, 16),)],
        "handgradclassifier__hidden_layer_sizes": [(), (64,)],
    },
    cv=2,
).fit(train, labels)

for tried, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(*(f"{name.split('__')[1]}={value}" for name, value in sorted(tried.items())), f"{score:.1%}")
print(f"the best of them, on test digits: {search.score(test, test_labels):.0%}")
