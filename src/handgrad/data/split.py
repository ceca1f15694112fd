"""The three parts of a source: its own where it has them, else drawn from its training part class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal
from handgrad.data.dataset import Dataset, Samples

PARTS = ("train", "validation", "test")
TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Parts:
    """A source as it was read, before anything is split off.

    Parameters
    ----------
    classes : tuple of str
        Name of each class number.
    train : Samples
    validation, test : Samples, optional
        None where the source has no such part.
    notices : tuple of str
        What a person should know.
    """

    classes: tuple[str, ...]
    train: Samples
    validation: Samples | None = None
    test: Samples | None = None
    notices: tuple[str, ...] = ()


def complete(name: str, parts: Parts, seed: int, refuse: Refusal) -> Dataset:
    """The dataset of these parts: where a part is missing, a share of every class is drawn for it.

    A test part is 20 % of the source; a validation part is 10 % of what is then left for training. Each class gives
    at least one image to each part.

    Parameters
    ----------
    name : str
        Name of the dataset.
    parts : Parts
    seed : int
        Same seed, same split.
    refuse : callable
        Makes the error from a rule and a cure.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If there are fewer than two classes, or a class has too few images.

    Examples
    --------
    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> samples = Samples(np.zeros((100, 8, 8, 1), np.uint8), np.arange(100) % 2)
    >>> dataset = complete("zeros", Parts(("0", "1"), samples), 0, partial(DataError, "source", "zeros"))
    >>> len(dataset.train), len(dataset.validation), len(dataset.test)
    (72, 8, 20)
    """
    missing = [part for part in ("validation", "test") if getattr(parts, part) is None]
    _check_classes(parts, ["training", *missing], refuse)
    train, validation, test = parts.train, parts.validation, parts.test
    # One stream for the whole split: a new one for each draw would favour the same places every time.
    rng = np.random.default_rng(seed)
    if test is None:
        train, test = _split_off(train, TEST_SHARE, rng)
    if validation is None:
        train, validation = _split_off(train, VALIDATION_SHARE, rng)
    return Dataset(name, parts.classes, train, validation, test, parts.notices)


def _check_classes(parts: Parts, wanted: Sequence[str], refuse: Refusal) -> None:
    if len(parts.classes) < 2:
        found = f"only the class {parts.classes[0]!r}" if parts.classes else "no class"
        raise refuse(f"it has {found}; a classifier needs two or more", "add images of another class")
    counts = np.bincount(parts.train.labels, minlength=len(parts.classes))
    few = int(counts.argmin())
    if counts[few] < len(wanted):
        raise refuse(
            f"its class {parts.classes[few]!r} has {counts[few]} usable image{'' if counts[few] == 1 else 's'}; "
            f"at least {len(wanted)} are needed, one each for {', '.join(wanted)}",
            "add images of this class or remove it",
        )


def _split_off(samples: Samples, share: float, rng: np.random.Generator) -> tuple[Samples, Samples]:
    taken: list[NDArray[np.int64]] = []
    for label, count in enumerate(_quotas(np.bincount(samples.labels), share)):
        members = np.flatnonzero(samples.labels == label)
        taken.append(rng.permutation(members)[:count])
    chosen = np.sort(np.concatenate(taken))
    return samples.part(np.delete(np.arange(len(samples)), chosen)), samples.part(chosen)


def _quotas(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """How many of each class to take: at least one, together the share, by largest remainder."""
    exact = counts * share
    taken = np.maximum(1, np.floor(exact)).astype(np.int64)
    left = max(0, round(exact.sum()) - int(taken.sum()))
    taken[np.argsort(taken - exact, kind="stable")[:left]] += 1
    return taken
