"""Compare two engines on one network: the notes line by line in NumPy, and compiled kernels."""

import time

import numpy as np

from handgrad import Architecture, Parameters, engine
from handgrad.standardization import Standardization

rng = np.random.default_rng(0)
architecture = Architecture(input_shape=(28, 28, 1), classes=10, stages=((16, 16),), hidden=(64,))
parameters = Parameters.draw(architecture, rng)
images, labels = rng.integers(0, 256, (128, 28, 28, 1), np.uint8), rng.integers(0, 10, 128)

gradient = {}
for name in engine.ENGINES:
    chosen = engine.create(name, Standardization((127.5,), (73.9,)))
    chosen.loss_and_gradients(parameters, images, labels)  # the first call compiles, or loads compiled kernels
    started = time.perf_counter()
    losses, _, gradient[name] = chosen.loss_and_gradients(parameters, images, labels)
    milliseconds = 1000 * (time.perf_counter() - started)
    print(f"{name:5}  loss {losses.mean():.4f}  both passes over 128 images: {milliseconds:.1f} ms")

for tensor in parameters:
    fused, notes = gradient["fused"][tensor], gradient["notes"][tensor]
    print(f"∂E/∂{tensor}: the same within 1e-4:", bool(np.abs(fused - notes).max() < 1e-4 * np.abs(notes).max()))
