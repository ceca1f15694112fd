"""Exported C programs under sanitizers, with inputs that are not numbers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.export.c import export
from handgrad.export.quantization import rounded
from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array
from tools.reliability.trial import Outcome

SECTION = "Kernels and exports"
TITLE = (
    "Drawn networks as C, half of them with int8 weights: compiled with every warning an error, run under the address "
    "and undefined-behavior sanitizers on pixels that are bytes, NaN, ±inf, 1e38 and denormal; the probabilities are "
    "the notes', NaN where theirs are"
)
FOUND = (
    "NaN passed through a ReLU as 0 and through pooling as the smallest float, so that the program answered with a "
    "certain class where the notes say NaN; it now stays NaN. A model of NaN, or with weights whose sums overflow, was "
    "exported as a program that does not compile or fails its own parity test; it is refused."
)

NETWORKS = 200
_STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
_SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
_ROUNDING = 1e-5

_DRIVER = """\
#define MODEL_DECLARATIONS
#include "model.c"
#include <stdio.h>
extern float numbers[256];
int main(void)
{
    static uint8_t pixels[MODEL_IMAGE_HEIGHT * MODEL_IMAGE_WIDTH * MODEL_IMAGE_DEPTH];
    static float probabilities[MODEL_CLASSES];
    while (fread(numbers, sizeof numbers, 1, stdin) == 1 && fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
        const float likeliest = (float)model_predict(pixels, probabilities);
        fwrite(&likeliest, sizeof likeliest, 1, stdout);
        fwrite(probabilities, sizeof probabilities, 1, stdout);
    }
    return 0;
}
"""
_SPECIAL = (255.0, np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40, 0.0)
"""What the byte 255 stands for, one picture each."""


def trial(folder: Path) -> Outcome:
    """Compile and run all of them."""
    held = sum(attack(np.random.default_rng((15, number)), folder, int8=number % 2 == 1) for number in range(NETWORKS))
    return Outcome(NETWORKS, held, f"{NETWORKS * len(_SPECIAL):,} pictures")


def attack(rng: np.random.Generator, folder: Path, int8: bool) -> bool:
    """Export a network that is drawn; return whether its program computes what the notes do, without a finding."""
    model = drawn(rng)
    source = export(model, int8=int8).content.decode("ascii")
    # A pixel is a byte; here each stands for any number.
    source, count = re.subn(r"\(float\)(row\[[^\]]*\])", r"numbers[\1]", source)
    assert count == 1
    (folder / "model.c").write_text(source.replace("#include <math.h>", "#include <math.h>\nfloat numbers[256];", 1))
    (folder / "driver.c").write_text(_DRIVER)
    command = ["gcc", *_STRICT, *_SANITIZED, "model.c", "driver.c", "-o", "program", "-lm"]
    compiled = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if compiled.returncode:
        print(compiled.stderr)
        return False
    tables = np.tile(np.arange(256, dtype=np.float32), (len(_SPECIAL), 1))
    tables[:, 255] = _SPECIAL
    images = rng.integers(0, 255, (len(_SPECIAL), *model.architecture.input_shape), dtype=np.uint8)
    for image in images:
        image.flat[rng.integers(image.size)] = 255
    given = b"".join(table.tobytes() + image.tobytes() for table, image in zip(tables, images, strict=True))
    done = subprocess.run([folder / "program"], input=given, capture_output=True, check=False)
    if done.returncode:
        print(done.stderr.decode())
        return False
    answers = np.frombuffer(done.stdout, np.float32).reshape(len(images), -1)
    X = np.stack([table[image] for table, image in zip(tables, images, strict=True)])
    wanted = _expected(model, X, int8)
    return all(_agree(answer, *pair) for answer, *pair in zip(answers, wanted, _SPECIAL, strict=True))


def _agree(answer: Array, wanted: Array, special: float) -> bool:
    likeliest, found = int(answer[0]), answer[1:]
    if abs(special) == 1e38 and np.isnan(found).all():
        return True  # sums of floats overflow
    known = bool(np.array_equal(np.isnan(found), np.isnan(wanted)))
    if not known or np.isnan(wanted).any():
        return known
    return bool(np.abs(found - wanted).max() < _ROUNDING and wanted.max() - wanted[likeliest] < _ROUNDING)


def _expected(model: Model, X: Array, int8: bool) -> Array:
    parameters = rounded(model.parameters) if int8 else model.parameters
    standardized = model.standardization.apply(X.astype("float64"), "float64")
    with np.errstate(all="ignore"):
        return network.predict(parameters.astype("float64"), standardized)


def drawn(rng: np.random.Generator) -> Model:
    """Draw a model: stages, filters of any shape, pooling up to 4, maps, hidden layers or none."""
    wanted: dict[str, Any] = {
        "classes": int(rng.integers(2, 6)),
        "stages": tuple(tuple(map(int, rng.integers(1, 5, rng.integers(1, 4)))) for _ in range(rng.integers(1, 3))),
        "filter_size": tuple(map(int, rng.integers(1, 6, 2))),
        "pooling": int(rng.integers(1, 5)),
        "hidden": tuple(map(int, rng.integers(1, 8, rng.integers(0, 3)))),
        "maps": int(rng.integers(1, 5)) if rng.random() < 0.5 else None,
    }
    height, width = Architecture(input_shape=(2**10, 2**10, 1), **wanted).smallest_image
    depth = int(rng.integers(1, 5))
    side = (height + int(rng.integers(0, 5)), width + int(rng.integers(0, 5)), depth)
    architecture = Architecture(input_shape=side, **wanted)
    figures = Standardization(tuple(rng.uniform(60, 180, depth)), tuple(rng.uniform(20, 90, depth)))
    parameters = Parameters.draw(architecture, rng, "float32" if rng.random() < 0.7 else "float64")
    return Model(parameters, tuple(f"class {k}" for k in range(architecture.classes)), figures)
