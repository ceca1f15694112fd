"""Nudge a weight and see the gradient come true: E changes by as much as the derivative promised."""

import numpy as np

from handgrad import Architecture, Parameters
from handgrad.notes import network

rng = np.random.default_rng(0)
architecture = Architecture(input_shape=(12, 12, 1), classes=3, stages=((4, 4),), hidden=(8,))
parameters = Parameters.draw(architecture, rng, np.float64)
X, label = rng.standard_normal((1, 12, 12, 1)), np.array([2])

values = network.forward(parameters, X, label)
gradients = network.backward(parameters, values, label)
E, promised = values["E"][0], gradients["F2"][1, 1, 3]
print(f"E = {E:.6f}, and ∂E/∂F2[1, 1, 3] = {promised:.6f}")

print("    nudge   change of E      promised   the two differ by")
for nudge in (1e-2, 1e-3, 1e-4):
    parameters["F2"][1, 1, 3] += nudge
    change = network.forward(parameters, X, label)["E"][0] - E
    parameters["F2"][1, 1, 3] -= nudge
    print(f"{nudge:9.0e}  {change:12.9f}  {promised * nudge:12.9f}  {abs(change / (promised * nudge) - 1):18.4%}")
