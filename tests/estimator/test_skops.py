"""skops dumps a fitted classifier, without pickle; what it asks to trust is the list in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from handgrad import HandgradClassifier
from tests.data.writing import noise

io = pytest.importorskip("skops.io", reason="needs skops")

PAGE = Path(__file__).parents[2] / "docs" / "python" / "estimator.md"


def test_a_dumped_classifier_predicts_the_same_and_trains_on() -> None:
    images, labels = noise(30, 8, 8), np.arange(30) % 3
    fitted = HandgradClassifier(
        hidden_layer_sizes=(4,), stages=((2,),), engine="notes", max_iter=2, random_state=0, augment=["shift"]
    ).fit(images, labels)
    content = io.dumps(fitted)
    trusted = io.get_untrusted_types(data=content)
    assert trusted == re.findall(r'^\.\.\. +"(handgrad\.[\w.]+)",$', PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    loaded = io.loads(content, trusted=trusted)
    assert np.array_equal(loaded.predict_proba(images), fitted.predict_proba(images))
    assert loaded.get_params() == fitted.get_params()
    assert loaded.model_.architecture == fitted.model_.architecture
    for each in (loaded, fitted):
        each.partial_fit(images, labels)
    assert np.array_equal(loaded.model_.parameters.vector, fitted.model_.parameters.vector)
