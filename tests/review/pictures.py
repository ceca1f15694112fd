"""A folder of pictures that a small network tells apart, and its model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad import Architecture, Model
from handgrad.standardization import Standardization
from tests.data.writing import write_picture

# A name that Windows refuses for a folder.
HOSTILE = "across" if os.name == "nt" else "<img src=x onerror=document.title=1>"
CLASSES = ("left", "right", HOSTILE)
RECIPE = {"epochs": 12, "batch_size": 8, "learning_rate": 0.02}


def picture(label: int, seed: int) -> NDArray[np.uint8]:
    """A bar at the left, at the right, or across, in noise."""
    pixels = np.random.default_rng((label, seed)).integers(0, 60, (8, 8), np.uint8)
    pixels[(np.s_[:, 1:3], np.s_[:, 5:7], np.s_[3:5, :])[label]] += 180
    return pixels


def write_folder(root: Path, count: int = 10, wrong: tuple[tuple[int, int, int], ...] = ((0, 1, 3), (2, 0, 5))) -> Path:
    """Pictures in class folders; (class, other, number) is in the folder of the other class."""
    elsewhere = {(label, number): other for label, other, number in wrong}
    for label in range(len(CLASSES)):
        for number in range(count):
            name = CLASSES[elsewhere.get((label, number), label)]
            write_picture(root / name / f"{label}-{number}.png", picture(label, number))
    return root


def model() -> Model:
    """An untrained model for them; its recipe is what counts."""
    sizes = Architecture(input_shape=(8, 8, 1), classes=3, stages=((4, 4),), hidden=(8,))
    drawn = Model.initial(sizes, tuple(sorted(CLASSES)), Standardization((60.0,), (60.0,)), 0)
    drawn.provenance.update(recipe=RECIPE, seed=0)
    return drawn
