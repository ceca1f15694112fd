"""The same network and recipe as a PyTorch user writes them: ``python -m tools.accuracy.pytorch SPEC`` prints JSON.

The splits, initial values and augmented images are handgrad's; everything else is PyTorch's: layers in eager mode,
automatic differentiation, fused AdamW, one thread. It validates after each epoch, as handgrad does.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from torch import nn
from torch.nn import functional

from handgrad.architecture import Architecture
from handgrad.data import Dataset, Samples, load
from handgrad.model import Model
from handgrad.optimizer import WIDE
from handgrad.parameters import Parameters
from handgrad.training.augmentation import Augmentation
from handgrad.training.loop import shuffled

TESTED_AT_ONCE = 500


class Network(nn.Module):  # type: ignore[misc]
    """Convolutions of the sum over the channels, or of weighted sums; pooling; dense layers."""

    def __init__(self, initial: Parameters) -> None:
        super().__init__()
        self.architecture = initial.architecture
        self.filters, self.mixing_weights = nn.ParameterDict(), nn.ParameterDict()
        for layer in self.architecture.convolutions:
            F = torch.from_numpy(initial[layer.F].copy())
            # From (height, width, maps, filters), without maps for the plain sum, to PyTorch's order.
            F = F.permute(3, 2, 0, 1) if layer.mixing_shape else F.permute(2, 0, 1).unsqueeze(1)
            self.filters[layer.F] = nn.Parameter(F.contiguous())
            if layer.mixing_shape:
                alpha = torch.from_numpy(initial[layer.alpha].copy()).T
                self.mixing_weights[layer.F] = nn.Parameter(alpha[:, :, None, None].contiguous())
        self.dense = nn.ModuleList()
        for dense in self.architecture.denses:
            linear = nn.Linear(dense.inputs, dense.outputs)
            linear.weight.data = torch.from_numpy(initial[dense.w].copy()).T.contiguous()
            linear.bias.data.zero_()
            self.dense.append(linear)

    def forward(self, x: Any) -> Any:
        """Return the logits."""
        for layer in self.architecture.convolutions:
            weights = self.mixing_weights[layer.F] if layer.mixing_shape else None
            x = x.sum(1, keepdim=True) if weights is None else functional.conv2d(x, weights)
            x = functional.conv2d(x, self.filters[layer.F])
            x = functional.max_pool2d(x, self.architecture.pooling) if layer.pooled_shape else functional.relu(x)
        # handgrad's dense weights expect the filters as the last axis.
        x = x.permute(0, 2, 3, 1).flatten(1)
        for linear in self.dense[:-1]:
            x = functional.relu(linear(x))
        return self.dense[-1](x)


def main() -> None:
    """Train, test and print."""
    torch.set_num_threads(1)
    spec = json.loads(sys.argv[1])
    seed, recipe = spec["seed"], spec["recipe"]
    dataset = load(spec["source"], seed=seed, group_by=spec["group_by"])
    architecture = Architecture.from_dict(spec["architecture"])
    initial = Model.initial(architecture, dataset.classes, dataset.standardization(), seed)
    network = Network(initial.parameters)
    seconds = train(network, dataset, recipe, seed)
    predicted = predict(network, dataset, dataset.test)
    print(json.dumps({"seconds": seconds, **figures(dataset.test.labels, predicted)}))


def figures(labels: Any, predicted: Any) -> dict[str, float]:
    """Return the figures to compare, under their names in ``report.json``."""
    return {
        "test_accuracy": float(accuracy_score(labels, predicted)),
        "test_balanced_accuracy": float(balanced_accuracy_score(labels, predicted)),
    }


def train(network: Network, dataset: Dataset, recipe: dict[str, Any], seed: int) -> float:
    """Train by the recipe and return the seconds of the steps."""
    optimizer = torch.optim.AdamW(groups(network, recipe["learning_rate"], recipe["weight_decay"]), fused=True)
    highest = [group["lr"] for group in optimizer.param_groups]
    samples, size = dataset.train, recipe["batch_size"]
    counts = np.bincount(samples.labels)
    balanced = torch.from_numpy(len(samples) / (len(counts) * counts)).float()
    weight = balanced if recipe["class_weight"] == "balanced" else None
    steps, step, seconds = recipe["epochs"] * -(-len(samples) // size), 0, 0.0
    for epoch in range(1, recipe["epochs"] + 1):
        order = shuffled(len(samples), seed, epoch)
        augmentation = Augmentation(recipe["augment"], samples.images.shape, seed, epoch) if recipe["augment"] else None
        for start in range(0, len(samples), size):
            started = time.perf_counter()
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["lr"] = rate * one_cycle(step / steps)
            batch = order[start : start + size]
            images = samples.images[batch]
            images = augmentation.apply(images, batch) if augmentation else images
            optimizer.zero_grad(set_to_none=True)
            logits = network(standardized(images, dataset))
            functional.cross_entropy(logits, torch.from_numpy(samples.labels[batch]), weight).backward()
            optimizer.step()
            step += 1
            seconds += time.perf_counter() - started
        predict(network, dataset, dataset.validation)
    return seconds


def groups(network: Network, rate: float, decay: float) -> list[dict[str, Any]]:
    """Group parameters: filters and weights decay, biases and mixing weights do not; wide layers learn more slowly."""
    others = [*network.mixing_weights.values(), *(linear.bias for linear in network.dense)]
    found = [
        {"params": list(network.filters.values()), "lr": rate, "weight_decay": decay},
        {"params": others, "lr": rate, "weight_decay": 0.0},
    ]
    for linear in network.dense:
        scale = min(1, WIDE / linear.in_features) ** 2
        # PyTorch multiplies the decay by the learning rate; this keeps it constant.
        found.append({"params": [linear.weight], "lr": rate * scale, "weight_decay": decay / scale})
    return found


def one_cycle(done: float) -> float:
    """Return the share of the highest learning rate after this share of the steps."""
    if done < 0.25:
        return 0.04 + 0.96 * done / 0.25
    return 0.5 * (1 + math.cos(math.pi * (done - 0.25) / 0.75))


def standardized(images: Any, dataset: Dataset) -> Any:
    """Standardize images and put channels first."""
    X = dataset.standardization().apply(np.ascontiguousarray(images), "float32")
    return torch.from_numpy(X).permute(0, 3, 1, 2).contiguous()


def predict(network: Network, dataset: Dataset, samples: Samples) -> Any:
    """Predict class numbers."""
    with torch.inference_mode():
        starts = range(0, len(samples), TESTED_AT_ONCE)
        images = (standardized(samples.images[start : start + TESTED_AT_ONCE], dataset) for start in starts)
        return torch.cat([network(each).argmax(1) for each in images]).numpy()


if __name__ == "__main__":
    main()
