"""``handgrad train``'s recipe for MNIST as a PyTorch user writes it: ``python cold_pytorch.py FOLDER`` prints JSON.

It has the same network, initial values, AdamW, one cycle, batch size, epochs, split and standardization, validates
after each epoch and tests at the end, with the tied sum in eager mode. Unlike ``handgrad train`` it writes no files.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

EPOCHS, BATCH, RATE, DECAY = 4, 128, 0.005, 0.1
VALIDATION, TESTED_AT_ONCE = 6_000, 1_000


class Network(nn.Module):  # type: ignore[misc]
    """Two convolutions of the sum over the channels, pooling, two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.F1 = nn.Parameter(torch.randn(16, 1, 3, 3) * 9**-0.5)
        power = 16 / 2 + 16 * 15 / (2 * math.pi)
        self.F2 = nn.Parameter(torch.randn(16, 1, 3, 3) * (9 * power) ** -0.5)
        self.hidden, self.out = nn.Linear(2304, 64), nn.Linear(64, 10)
        for layer in (self.hidden, self.out):
            nn.init.normal_(layer.weight, std=(2 / layer.in_features) ** 0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Any) -> Any:
        """Return the logits."""
        x = functional.relu(functional.conv2d(x, self.F1))
        x = functional.max_pool2d(functional.conv2d(x.sum(1, keepdim=True), self.F2), 2)
        return self.out(functional.relu(self.hidden(x.flatten(1))))


def main() -> None:
    """Train, test and print."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    folder = Path(sys.argv[1])
    images, labels = _read(folder, "train")
    order = torch.randperm(len(images))
    training, validation = order[VALIDATION:], order[:VALIDATION]
    pixels = images[training].double()
    mean, std = pixels.mean().item(), pixels.std(correction=0).item()
    del pixels

    def standardized(chosen: Any) -> Any:
        return ((chosen.float() - mean) / std).unsqueeze(1)

    network = Network()
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in network.parameters() if parameter.ndim == 1]
    groups = [{"params": weights, "weight_decay": DECAY}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, fused=True)
    batches = -(-len(training) // BATCH)
    for epoch in range(EPOCHS):
        shuffled = training[torch.randperm(len(training))]
        for batch in range(batches):
            for group in optimizer.param_groups:
                group["lr"] = _rate(epoch * batches + batch, EPOCHS * batches)
            chosen = shuffled[batch * BATCH : (batch + 1) * BATCH]
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(network(standardized(images[chosen])), labels[chosen]).backward()
            optimizer.step()
        _accuracy(network, standardized, images[validation], labels[validation])
    accuracy = _accuracy(network, standardized, *_read(folder, "t10k"))
    print(json.dumps({"test_accuracy": accuracy}))


def _rate(step: int, steps: int) -> float:
    rise = 0.25 * steps
    if step < rise:
        return RATE * (0.04 + 0.96 * step / rise)
    return RATE * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))


def _accuracy(network: Network, standardized: Any, images: Any, labels: Any) -> float:
    with torch.inference_mode():
        parts = [network(standardized(part)).argmax(1) for part in images.split(TESTED_AT_ONCE)]
    return float((torch.cat(parts) == labels).float().mean())


def _read(folder: Path, part: str) -> tuple[Any, Any]:
    def values(name: str, header: int) -> Any:
        content = gzip.decompress((folder / f"{part}-{name}-ubyte.gz").read_bytes())
        return np.frombuffer(content, np.uint8, offset=header).copy()

    images = torch.from_numpy(values("images-idx3", 16).reshape(-1, 28, 28))
    return images, torch.from_numpy(values("labels-idx1", 8).astype(np.int64))


if __name__ == "__main__":
    main()
