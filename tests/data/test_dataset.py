from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from handgrad.data import Samples
from handgrad.errors import InputError

IMAGES = np.zeros((4, 3, 2, 1), np.uint8)
LABELS = np.arange(4)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[..., 0], LABELS, r"images=uint8 of shape \(4, 3, 2\): must be uint8, .*images\[\.\.\., np\.newaxis\]"),
        (IMAGES.astype(np.int16), LABELS, r"images=int16 .*astype"),
        (IMAGES, LABELS / 2, r"labels=float64 of shape \(4,\): must be integers"),
        (IMAGES, np.array(list("abcd")), "labels=<U1 .*number the classes"),
        (IMAGES, np.eye(4, dtype=int), r"labels=int64 of shape \(4, 4\): .*labels\.argmax\(axis=1\)"),
        (IMAGES, LABELS[:3], "labels=3: must be as many as the 4 images; give one label per image"),
    ],
)
def test_what_are_no_samples(images: Any, labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Samples(images, labels)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_samples_are_chosen_with_their_labels(kind: type[np.integer[Any]]) -> None:
    samples = Samples(np.arange(24, dtype=np.uint8).reshape(4, 3, 2, 1), LABELS.astype(kind))
    chosen = samples[np.array([2, 0])]
    assert len(chosen) == 2
    assert chosen.images[:, 0, 0, 0].tolist() == [12, 0]
    assert chosen.labels.tolist() == [2, 0]


def test_scikit_learn_is_not_loaded_before_it_is_needed() -> None:
    look = "import sys, handgrad.data; print([name for name in sys.modules if name.startswith(('sklearn', 'scipy'))])"
    found = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"
