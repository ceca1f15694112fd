"""What each visitor of the server looks at: a picture, a label, and a network that takes steps."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from secrets import token_urlsafe
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.notes import descent, network
from handgrad.parameters import Parameters
from handgrad.trace import Trace, network_nodes, to_document, trace
from handgrad.typing import Array, Pixels

_LARGEST_INSIDE = 8192
"""Numbers of a tensor that the page comes with; it asks for larger ones when it shows them."""

_HISTORY_BYTES = 32 << 20
_MOST_VISITORS = 16
_MOST_STEPS = 100


class Visitor:
    """One page's state; its methods are called one at a time.

    Parameters
    ----------
    model : Model
    pixels : array of uint8, shape (height, width, depth)
    label : int or None
        None takes the likeliest class.
    """

    def __init__(self, model: Model, pixels: Pixels, label: int | None) -> None:
        self.lock = threading.Lock()
        self.model = model
        self.revision = 0
        self._theta: Array = model.parameters.vector.astype(np.float64)
        self._before: deque[Array] = deque(maxlen=max(2, _HISTORY_BYTES // self._theta.nbytes))
        self._losses: list[float] = []
        self.look(pixels, label)

    def look(self, pixels: Pixels, label: int | None) -> None:
        """Another picture."""
        self.pixels = pixels
        self.label = self._likeliest(pixels) if label is None else label
        self._forget()

    def expect(self, label: int) -> None:
        """Another label."""
        if not 0 <= label < len(self.model.classes):
            raise InputError("label", label, f"class numbers are 0 to {len(self.model.classes) - 1}", "choose a class")
        self.label = label
        self._forget()

    def step(self, count: int, rate: float) -> None:
        """N31, so many times, on this picture alone."""
        if not 1 <= count <= _MOST_STEPS:
            raise InputError("steps", count, f"must be from 1 to {_MOST_STEPS}", "take fewer at a time")
        if not (math.isfinite(rate) and rate > 0):
            raise InputError("rate", rate, "must be a positive number", "try 0.1")
        X, labels = self.model.standardisation.apply(self.pixels[np.newaxis], np.float64), np.array([self.label])
        # A learning rate beyond bounds is what a visitor may want to see.
        with np.errstate(all="ignore"):
            for _ in range(count):
                _, _, gradient = network.loss_and_gradients(self._parameters(), X, labels)
                self._before.append(self._theta)
                self._theta = descent.step(self._theta, gradient.vector, rate)
                self._losses.append(float(network.forward(self._parameters(), X, labels)["E"][0]))
        self._change()

    def back(self, count: int) -> None:
        """To before the last so many steps, or as far as the steps are remembered."""
        for _ in range(min(count, len(self._before))):
            self._theta = self._before.pop()
            self._losses.pop()
        self._change()

    def state(self) -> dict[str, Any]:
        """What the page shows."""
        large = {name for name, tensor in self.trace.tensors.items() if np.size(tensor) > _LARGEST_INSIDE}
        return {
            "trace": to_document(self.trace, elsewhere=large) | {"revision": self.revision},
            "losses": [loss if math.isfinite(loss) else None for loss in self._losses],
        }

    def numbers(self, revision: int, node: int) -> bytes | None:
        """A tensor of the trace by its place in the document, as little-endian float64; None if that trace is gone."""
        nodes = network_nodes(self.model.architecture)
        if revision != self.revision or not 0 <= node < len(nodes) or nodes[node].name not in self.trace.tensors:
            return None
        return np.ascontiguousarray(self.trace.tensors[nodes[node].name], "<f8").tobytes()

    def _parameters(self) -> Parameters:
        return Parameters(self.model.architecture, self._theta)

    def _likeliest(self, pixels: Pixels) -> int:
        X = self.model.standardisation.apply(pixels[np.newaxis], np.float64)
        with np.errstate(all="ignore"):
            return int(network.predict(self._parameters(), X)[0].argmax())

    def _forget(self) -> None:
        """The losses of another question are no longer comparable, nor are its steps."""
        self._before.clear()
        self._losses = []
        self._change()
        self._losses = [float(self.trace.tensors["E"])]

    def _change(self) -> None:
        self.revision += 1
        stepped = Model(self._parameters(), self.model.classes, self.model.standardisation)
        with np.errstate(all="ignore"):
            self.trace: Trace = trace(stepped, self.pixels, self.label)


class Visitors:
    """The latest visitors; who comes back after many others have come is told to begin anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visitors: OrderedDict[str, Visitor] = OrderedDict()

    def add(self, visitor: Visitor) -> str:
        """Its name, which nobody can guess."""
        name = token_urlsafe(16)
        with self._lock:
            self._visitors[name] = visitor
            if len(self._visitors) > _MOST_VISITORS:
                self._visitors.popitem(last=False)
        return name

    def get(self, name: str) -> Visitor | None:
        """The visitor of that name, if it is still known."""
        with self._lock:
            if name in self._visitors:
                self._visitors.move_to_end(name)
            return self._visitors.get(name)
