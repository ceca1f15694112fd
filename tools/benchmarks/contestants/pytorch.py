"""PyTorch, eager and compiled, with one thread per core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch._dynamo
import torch.nn.functional as nn

from handgrad.architecture import Architecture
from tools.benchmarks.contestants.contestant import Contestant, channels_first, forms, notes_layout
from tools.benchmarks.machine import cores
from tools.benchmarks.networks import LEARNING_RATE, Network

_CHANNELS_LAST = ", channels last"


def variants(network: Network) -> tuple[str, ...]:
    """Return eager in both memory formats and compiled, which chooses its own, in each form of the convolutions."""
    written = forms(network.start(peers=True).architecture)
    eager = [f"PyTorch, {form}{layout}" for form in written for layout in ("", _CHANNELS_LAST)]
    return (*eager, *(f"torch.compile, {form}" for form in written))


def build(network: Network, variant: str) -> Contestant:
    """Make the variant of that name."""
    torch.set_num_threads(cores())
    torch._dynamo.config.recompile_limit = 64
    start = network.start(peers=True)
    expanded, compiled = "expanded" in variant, variant.startswith("torch.compile")
    arrays = {name: torch.from_numpy(array).requires_grad_() for name, array in channels_first(start).items()}
    optimizer = torch.optim.SGD(arrays.values(), LEARNING_RATE, fused=True)
    layout = torch.channels_last if variant.endswith(_CHANNELS_LAST) else torch.contiguous_format
    X = torch.from_numpy(network.X).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    one = X[:1].clone(memory_format=layout)
    labels = torch.from_numpy(network.labels)

    def loss_of(images: Any, expected: Any) -> Any:
        return nn.cross_entropy(_logits(start.architecture, arrays, images, expanded), expected)

    def probabilities_of(images: Any) -> Any:
        return torch.softmax(_logits(start.architecture, arrays, images, expanded), 1)

    loss, probabilities = _maybe_compiled(loss_of, compiled), _maybe_compiled(probabilities_of, compiled)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        value = loss(X, labels)
        value.backward()
        optimizer.step()
        return value.detach()

    def predict(images: Any) -> Any:
        with torch.inference_mode():
            return probabilities(images)

    return Contestant(
        step=step,
        predict=lambda: predict(X),
        predict_one=lambda: predict(one),
        parameters=lambda: notes_layout(
            {name: array.detach().numpy() for name, array in arrays.items()}, start.architecture
        ),
    )


def _maybe_compiled(function: Callable[..., Any], compiled: bool) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False, fullgraph=True) if compiled else function


def _logits(architecture: Architecture, arrays: dict[str, Any], images: Any, expanded: bool) -> Any:
    x = images
    for conv in architecture.convolutions:
        F, depth = arrays[conv.F], x.shape[1]
        if F.shape[1] != depth and expanded:
            F = F.expand(-1, depth, -1, -1)
        elif F.shape[1] != depth:
            x = x.sum(1, keepdim=True)
        x = nn.conv2d(x, F)
        x = nn.max_pool2d(x, architecture.pooling) if conv.pooled_shape else nn.relu(x)
    x = x.flatten(1)
    for dense in architecture.denses:
        x = nn.linear(x, arrays[dense.w], arrays[dense.b])
        x = x if dense.last else nn.relu(x)
    return x
