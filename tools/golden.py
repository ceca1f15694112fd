"""Write tests/golden/*.npz: activations, gradients and ten training losses as PyTorch computes them in float64.

This program uses nothing from handgrad, so that agreement means something: the convolutions are PyTorch's own, with
the weights expanded over the channels; the gradients are autograd's. The tests read the files; PyTorch is only needed
to write them again, in an environment of its own::

    python3 -m venv golden-venv
    golden-venv/bin/pip install torch==2.13.0 numpy
    golden-venv/bin/python -m tools.golden

Each file holds ``sizes`` (JSON), ``X``, ``labels``, ``parameters.NAME``, ``values.NAME`` and ``gradients.NAME`` under
the names of the notes, ``learning_rate`` and ``losses``. The first axis of images is the batch, the last the channels.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn.functional import conv2d, max_pool2d

from tools import ROOT

FOLDER = ROOT / "tests" / "golden"
LEARNING_RATE = 0.05
STEPS = 10
NETWORKS: dict[str, dict[str, Any]] = {
    "notes": {
        "input_shape": (12, 11, 1),
        "classes": 3,
        "stages": ((4, 3),),
        "filter_size": (3, 3),
        "pooling": 2,
        "hidden": (6,),
        "maps": None,
    },
    "two_stages": {
        "input_shape": (14, 13, 3),
        "classes": 4,
        "stages": ((3, 2), (2,)),
        "filter_size": (3, 2),
        "pooling": 2,
        "hidden": (5, 4),
        "maps": None,
    },
    "maps": {
        "input_shape": (11, 10, 2),
        "classes": 3,
        "stages": ((3, 2),),
        "filter_size": (3, 3),
        "pooling": 2,
        "hidden": (5,),
        "maps": 2,
    },
}


def draw(sizes: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of about unit gain, including biases."""
    height, width, depth = sizes["input_shape"]
    k1, k2 = sizes["filter_size"]
    parameters, index = {}, 0
    for stage in sizes["stages"]:
        for filters in stage:
            index += 1
            if sizes["maps"]:
                parameters[f"alpha{index}"] = rng.normal(0, depth**-0.5, (depth, sizes["maps"]))
                parameters[f"F{index}"] = rng.normal(0, (k1 * k2) ** -0.5, (k1, k2, sizes["maps"], filters))
            else:
                parameters[f"F{index}"] = rng.normal(0, (k1 * k2 * depth) ** -0.5, (k1, k2, filters))
            height, width, depth = height - k1 + 1, width - k2 + 1, filters
        height, width = height // sizes["pooling"], width // sizes["pooling"]
    layers = (height * width * depth, *sizes["hidden"], sizes["classes"])
    for index, (inputs, outputs) in enumerate(pairwise(layers), start=1):
        parameters[f"w{index}"] = rng.normal(0, inputs**-0.5, (inputs, outputs))
        parameters[f"b{index}"] = rng.normal(0, 0.3, outputs)
    return {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}


def convolve(values: dict[str, Any], parameters: dict[str, Any], entering: str, index: int) -> Any:
    """Compute one convolution; with depth weights, the maps S come first, and the ordinary convolution must agree."""
    X, F = values[entering], parameters[f"F{index}"]
    if f"alpha{index}" not in parameters:
        depth = X.shape[1]
        return conv2d(X, F.permute(2, 0, 1)[:, None].expand(-1, depth, -1, -1))
    alpha = parameters[f"alpha{index}"]
    values[f"S{index}"] = torch.einsum("sczw,ck->skzw", X, alpha)
    T = conv2d(values[f"S{index}"], F.permute(3, 2, 0, 1))
    torch.testing.assert_close(T, conv2d(X, torch.einsum("abkn,ck->ncab", F, alpha)), rtol=1e-12, atol=1e-12)
    return T


def forward(sizes: dict[str, Any], parameters: dict[str, Any], X: Any, labels: Any) -> dict[str, Any]:
    """Return every tensor by name, maps in PyTorch's order: batch, channels, height, width."""
    values, name, index = {"X": X}, "X", 0
    for stage in sizes["stages"]:
        for position in range(len(stage)):
            index += 1
            T = values[f"T{index}"] = convolve(values, parameters, name, index)
            last = position == len(stage) - 1
            name = f"U{index}" if last else f"H{index}"
            values[name] = max_pool2d(T, sizes["pooling"]) if last else torch.relu(T)
    x = values["x'"] = values[name].permute(0, 2, 3, 1).flatten(1)
    for index in range(1, len(sizes["hidden"]) + 2):
        t = values[f"t{index}'"] = x @ parameters[f"w{index}"] + parameters[f"b{index}"]
        last = index == len(sizes["hidden"]) + 1
        x = values["z" if last else f"h{index}'"] = torch.softmax(t, 1) if last else torch.relu(t)
    values["E"] = -torch.log(values["z"][torch.arange(len(labels)), labels])
    return values


def stored(tensor: Any) -> np.ndarray[Any, Any]:
    """Return a NumPy array with the channels last."""
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).detach().numpy()


def both_passes(sizes: dict[str, Any], parameters: dict[str, Any], X: Any, labels: Any) -> dict[str, Any]:
    """Return values and gradients: a tensor's is that of its own image's E, a parameter's that of the batch mean."""
    values = forward(sizes, parameters, X.clone().requires_grad_(), labels)
    tensors = list(values.values())
    errors = torch.autograd.grad(values["E"].sum(), tensors, retain_graph=True)
    gradients = torch.autograd.grad(values["E"].mean(), list(parameters.values()))
    entries = {f"values.{name}": stored(tensor) for name, tensor in values.items()}
    entries |= {f"gradients.{name}": stored(error) for name, error in zip(values, errors, strict=True)}
    # The four axes of a filter with maps are already in the notes' order.
    return entries | {f"gradients.{name}": g.numpy() for name, g in zip(parameters, gradients, strict=True)}


def train(sizes: dict[str, Any], parameters: dict[str, Any], X: Any, labels: Any) -> list[float]:
    """Return the mean loss before each step of plain gradient descent on the whole batch."""
    optimizer = torch.optim.SGD(parameters.values(), lr=LEARNING_RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = forward(sizes, parameters, X, labels)["E"].mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    """Write one file per network."""
    torch.set_default_dtype(torch.float64)
    FOLDER.mkdir(exist_ok=True)
    for seed, (name, sizes) in enumerate(NETWORKS.items()):
        rng = np.random.default_rng(seed)
        X = torch.tensor(rng.normal(size=(3, *sizes["input_shape"]))).permute(0, 3, 1, 2)
        labels = torch.tensor(rng.integers(sizes["classes"], size=3))
        parameters = draw(sizes, rng)
        entries = {f"parameters.{key}": value.detach().numpy().copy() for key, value in parameters.items()}
        entries |= both_passes(sizes, parameters, X, labels)
        entries |= {"sizes": np.array(json.dumps(sizes)), "X": stored(X), "labels": labels.numpy()}
        entries |= {"learning_rate": np.array(LEARNING_RATE)}
        entries |= {"losses": np.array(train(sizes, parameters, X, labels))}
        np.savez_compressed(FOLDER / f"{name}.npz", **entries)
        print(name, entries["losses"].round(4))


if __name__ == "__main__":
    main()
