"""A model fitted on numbers of any range, and pictures of those numbers."""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from handgrad import HandgradClassifier, model_file
from handgrad import engine as engines
from handgrad.data import read
from handgrad.errors import ModelFileError
from handgrad.export import onnx
from tools.reliability.trial import Outcome

SECTION = "Pixels"
TITLE = (
    "Models fitted on numbers of many ranges and types, saved, and given pictures of 8 bits of the same digits: the "
    "probabilities are those of Python within 1e-5, from the model file and from ONNX Runtime, or the model is refused"
)
FOUND = (
    "Digits of 0 to 16, and floats of 0 to 1, were evaluated as if they were pixels: 99.94 % became 77.18 %, and 100 % "
    "became 89 %. A model now knows what is black and white."
)

_RANGES = [
    (0, 1),
    (0, 15),
    (0, 16),
    (0, 255),
    (0, 1023),
    (0, 4095),
    (0, 16383),
    (0, 65535),
    (-1, 1),
    (-1024, 3071),
    (2, 7),
]
_TYPES = ("u1", "u2", "i4", "f4", "f8")


def trial(folder: Path) -> Outcome:
    """Fit one small model for each range, type and whether the range is said."""
    import onnxruntime

    samples = read("digits").train
    pictures, classes = np.asarray(samples.images[:300]), samples.labels[:300]
    tried = held = refused = 0
    for (black, white), dtype, said in product(_RANGES, _TYPES, (False, True)):
        whole = np.dtype(dtype).kind in "iu"
        if (whole and (white > np.iinfo(dtype).max or black < np.iinfo(dtype).min)) or (whole and white - black < 7):
            continue
        numbers = black + pictures * ((white - black) / 255)
        options: dict[str, Any] = {"pixel_range": (black, white)} if said else {}
        classifier = HandgradClassifier(stages=((2, 2),), max_iter=2, engine="notes", random_state=0, **options)
        images = (np.rint(numbers) if whole else numbers).astype(dtype)
        model = classifier.fit(images, classes).model_
        tried += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = model.predict(numbers, engines.create("notes", model.standardization))
        path = folder / "model.safetensors"
        model_file.save(model, path)
        try:
            loaded = model_file.load_for_pictures(path)
        except ModelFileError:
            # Only a range that the numbers do not show may be unknown.
            ordinary = black == 0 and (whole or white not in (15, 16))
            held += not said and not ordinary
            refused += 1
            continue
        found = loaded.predict(pictures, engines.create("notes", loaded.standardization))
        session = onnxruntime.InferenceSession(onnx.export(model).content)
        (outside,) = session.run(["probabilities"], {"images": pictures})
        held += max(np.abs(found - expected).max(), np.abs(outside - expected).max()) < 1e-5
    return Outcome(tried, int(held), f"{refused} models of no known range, refused")
