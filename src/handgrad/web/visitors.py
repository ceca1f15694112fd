"""What each visitor of the server looks at: an image, a label, and a network that takes steps."""

from __future__ import annotations

import math
import sys
import threading
from collections import OrderedDict, deque
from dataclasses import replace
from secrets import token_urlsafe
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.graph import graph
from handgrad.model import Model
from handgrad.notes import descent, network
from handgrad.parameters import Parameters
from handgrad.trace import to_document, trace
from handgrad.typing import Array, Pixels

_LARGEST_INSIDE = 8192
"""Numbers of the largest tensor that is sent with the page; it asks for larger ones when it shows them."""

_HISTORY_BYTES = 32 << 20
_LOSSES_KEPT = 500
_MOST_STEPS = 10
_MOST_VISITORS = 128
_MOST_BYTES = 1 << 30
"""Of all visitors together; the latest is kept, however large."""


class Visitor:
    """The state of one page; whoever calls a method holds the lock. A label of None stands for the likeliest class."""

    def __init__(self, model: Model, pixels: Pixels, label: int | None) -> None:
        self.lock = threading.Lock()
        self.model = model
        self._revision = self._taken = 0
        self._theta: Array = self._start()
        self._before: deque[Array] = deque(maxlen=max(10, _HISTORY_BYTES // self._theta.nbytes))
        self.look(pixels, label)

    @property
    def nbytes(self) -> int:
        """Return the memory that it takes now."""
        return self._traced_bytes + self._theta.nbytes * (1 + len(self._before))

    def look(self, pixels: Pixels, label: int | None) -> None:
        """Show another image."""
        self._ask(pixels, self._likeliest(pixels) if label is None else label)

    def expect(self, label: int) -> None:
        """Expect another class."""
        self._ask(self.trace.pixels, label)

    def step(self, count: int, rate: float) -> None:
        """Take steps (N31) on this image alone."""
        if not 1 <= count <= _MOST_STEPS:
            raise InputError("steps", count, f"must be from 1 to {_MOST_STEPS}", "take fewer at a time")
        if not 0 < rate <= sys.float_info.max:
            raise InputError("rate", rate, "must be a positive number", "try 0.001")
        for _ in range(count):
            steps = (node for node in graph(self.model.architecture) if node.operation == "step")
            gradient = np.concatenate([self.trace.tensors[node.inputs[1]].ravel() for node in steps])
            self._before.append(self._theta)
            # A learning rate beyond bounds is what a visitor may want to see.
            with np.errstate(all="ignore"):
                self._theta = descent.step(self._theta, gradient, rate)
            self._taken += 1
            self._show(self.trace.pixels, self.trace.label)
            self._losses.append(self._loss)

    def back(self) -> None:
        """Undo the last step, as far as the steps are remembered."""
        if self._before:
            self._theta = self._before.pop()
            self._taken -= 1
            self._losses.pop()
            self._show(self.trace.pixels, self.trace.label)
            if not self._losses:
                self._losses.append(self._loss)

    def restart(self) -> None:
        """Return to the model as it was before all steps."""
        self._theta = self._start()
        self._before.clear()
        self._taken = 0
        self._ask(self.trace.pixels, self.trace.label)

    def state(self) -> dict[str, Any]:
        """Return what the page shows."""
        large = {name for name, tensor in self.trace.tensors.items() if np.size(tensor) > _LARGEST_INSIDE}
        return {
            "trace": to_document(self.trace, elsewhere=large) | {"revision": self._revision},
            "losses": [loss if math.isfinite(loss) else None for loss in self._losses],
            "taken": self._taken,
            "undoable": len(self._before),
        }

    def numbers(self, revision: str, node: str, part: str, of: str) -> bytes | None:
        """Return a tensor by its number in the document, or slice `part` of `of`, as little-endian float64.

        None if there is no such tensor or slice, or if the trace has been replaced.
        """
        names = {str(number): each.name for number, each in enumerate(graph(self.model.architecture))}
        tensor = self.trace.tensors.get(names.get(node, ""))
        if revision != str(self._revision) or tensor is None:
            return None
        if of:
            # The page's slices are the last axis, or the last two.
            counts = {str(count): count for count in np.cumprod(tensor.shape[:0:-1]).tolist()}
            if of not in counts or part not in map(str, range(counts[of])):
                return None
            tensor = tensor.reshape(-1, counts[of])[:, int(part)]
        return np.ascontiguousarray(tensor, "<f8").tobytes()

    @property
    def _loss(self) -> float:
        return float(self.trace.tensors["E"])

    def _start(self) -> Array:
        return self.model.parameters.vector.astype(np.float64)

    def _parameters(self) -> Parameters:
        return Parameters(self.model.architecture, self._theta)

    def _likeliest(self, pixels: Pixels) -> int:
        X = self.model.standardization.apply(pixels[np.newaxis], np.float64)
        with np.errstate(all="ignore"):
            return int(network.predict(self._parameters(), X)[0].argmax())

    def _ask(self, pixels: Pixels, label: int) -> None:
        """Ask something else: its losses cannot be compared with those before."""
        self._show(pixels, label)
        self._losses: deque[float] = deque([self._loss], maxlen=_LOSSES_KEPT)

    def _show(self, pixels: Pixels, label: int) -> None:
        stepped = replace(self.model, parameters=self._parameters())
        with np.errstate(all="ignore"):
            self.trace = trace(stepped, pixels, label)
        self._traced_bytes = sum(np.asarray(tensor).nbytes for tensor in self.trace.tensors.values())
        self._revision += 1


class Visitors:
    """The latest visitors; one who comes back after many others has to reload the page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visitors: OrderedDict[str, Visitor] = OrderedDict()

    def add(self, visitor: Visitor) -> str:
        """Keep a visitor, and return its name, which nobody can guess."""
        name = token_urlsafe(16)
        with self._lock:
            self._visitors[name] = visitor
        self.make_room()
        return name

    def make_room(self) -> None:
        """Forget those who were away longest, if all together take too much; steps that can be undone add up."""
        with self._lock:
            while len(self._visitors) > 1 and self._too_many():
                self._visitors.popitem(last=False)

    def get(self, name: str) -> Visitor | None:
        """Return the visitor of that name, if it is still known."""
        with self._lock:
            if name in self._visitors:
                self._visitors.move_to_end(name)
            return self._visitors.get(name)

    def _too_many(self) -> bool:
        taken = sum(visitor.nbytes for visitor in self._visitors.values())
        return len(self._visitors) > _MOST_VISITORS or taken > _MOST_BYTES
