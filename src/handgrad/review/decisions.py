"""What there is to decide, and what was decided: in memory for the page, and on disk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.review.changes import Change, decided, read_changes, write_changes
from handgrad.review.doubt import Doubts
from handgrad.review.subject import Subject
from handgrad.review.unlabeled import Unlabeled
from handgrad.text import printable, shown
from handgrad.typing import Array, Images

NONE = -1
"""Number of no class: the label of an unlabeled picture, and the decision that a picture is of none."""


@dataclass(frozen=True, eq=False)
class Item:
    """A picture to decide on.

    Parameters
    ----------
    name : str
        Its path from its folder, or its number in the source.
    label, answer : int
        Numbers of the class that its label says, or ``NONE``, and that the model says.
    own, probability : float
        Probabilities of the two.
    images, index
        Its pixels are ``images[index]``.
    root : Path or None
        The folder that the name starts from, if it is a file.
    """

    name: str
    label: int
    answer: int
    own: float
    probability: float
    images: Images
    index: int
    root: Path | None


def doubted(subject: Subject, doubts: Doubts, probabilities: Array) -> list[Item]:
    """Return the images whose labels are in doubt, in their order."""
    samples, names = subject.samples, subject.samples.identifiers
    return [
        Item(
            name=str(names[index]),
            label=int(samples.labels[index]),
            answer=answer,
            own=float(probabilities[index, samples.labels[index]]),
            probability=float(probabilities[index, answer]),
            images=samples.images,
            index=index,
            root=subject.root,
        )
        for index, answer in zip(doubts.indices.tolist(), doubts.answers.tolist(), strict=True)
    ]


def worthwhile(
    pictures: Unlabeled, chosen: NDArray[np.int64], probabilities: Array, numbers: Sequence[int]
) -> list[Item]:
    """Return pictures to label, in their order; `numbers` are the subject's numbers of the model's classes."""
    answers = probabilities.argmax(axis=1)
    return [
        Item(
            name=str(pictures.names[index]),
            label=NONE,
            answer=numbers[answers[index]],
            own=0.0,
            probability=float(probabilities[index, answers[index]]),
            images=pictures.images,
            index=index,
            root=pictures.root,
        )
        for index in chosen.tolist()
    ]


class Decisions:
    """Items with what was decided about each, which is written to the review's folder at once.

    Several threads may decide at the same time.
    """

    def __init__(self, items: Sequence[Item], classes: tuple[str, ...], folder: Path) -> None:
        self.items, self.classes, self.folder = items, classes, folder
        self._changes, self._lock = read_changes(folder), threading.Lock()

    def standing(self) -> list[int | None]:
        """Return the decision about each item: a class number, ``NONE``, or None where there is none yet."""
        numbers = {name: number for number, name in enumerate(self.classes)} | {"": NONE}
        found: list[int | None] = []
        for item in self.items:
            change = self._changes.get((item.label == NONE, printable(item.name)))
            # One about another label is about the past.
            valid = change is not None and change.label == self._label(item)
            found.append(numbers.get(change.to) if change and valid else None)
        return found

    def decide(self, number: int, to: int | None) -> None:
        """Decide that an item is of a class, or of ``NONE``; None takes the decision back."""
        if not 0 <= number < len(self.items):
            raise InputError("item", number, f"items are numbered 0 to {len(self.items) - 1}", "reload the page")
        if to is not None and not NONE <= to < len(self.classes):
            raise InputError("to", to, f"classes are numbered 0 to {len(self.classes) - 1}", "reload the page")
        item = self.items[number]
        with self._lock:
            changes = dict(self._changes)
            change = decided(item.name, self._label(item), "" if to in (None, NONE) else self.classes[to or 0])
            changes.pop(change.key, None)
            if to is not None:
                changes[change.key] = change
            write_changes(self.folder, changes.values())
            # Only once it is on disk.
            self._changes = changes

    def changes(self) -> list[Change]:
        """Return all that was decided, about pictures that are not on the page too."""
        return list(self._changes.values())

    def to_list(self) -> list[dict[str, Any]]:
        """Return the items as plain values, for the page."""
        return [
            {
                "number": number,
                "name": shown(item.name),
                "label": item.label,
                "answer": item.answer,
                "own": item.own,
                "probability": item.probability,
                "to": to,
            }
            for number, (item, to) in enumerate(zip(self.items, self.standing(), strict=True))
        ]

    def _label(self, item: Item) -> str:
        return "" if item.label == NONE else self.classes[item.label]
