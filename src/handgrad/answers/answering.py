"""A model answers: the pictures of a batch become rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from handgrad import engine as engines
from handgrad import processors
from handgrad.answers.pictures import Attempt, Shard, decoded, read
from handgrad.engine import Engine
from handgrad.errors import DataError, InputError
from handgrad.model import Model
from handgrad.report.coverage import UNKNOWN, answered, check_threshold
from handgrad.text import printable

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Manner:
    """How a model answers: what decides its answers, besides the model.

    Parameters
    ----------
    top : int
        Number of classes that a row names, the most probable first.
    threshold : float, optional
        A picture whose highest probability is below it is answered "don't know".
    engine : {"fused", "notes"}
    """

    top: int = 1
    threshold: float | None = None
    engine: str = engines.ENGINES[0]

    def __post_init__(self) -> None:
        if self.top < 1:
            raise InputError("top", self.top, "must be at least 1", "leave it out for one")
        check_threshold(self.threshold)
        engines.check_name(self.engine)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a row's values, in order."""
        ranks = range(1, self.top + 1) if self.top > 1 else ()
        return ("path", "class", "probability", *(f"{name}_{n}" for n in ranks for name in _RANKED), "error")


_RANKED = ("class", "probability")


class Answer(NamedTuple):
    """The answer to one picture: the most probable classes, and whether the first is likely enough; or an error."""

    path: str
    ranked: tuple[tuple[str, float], ...] = ()
    known: bool = True
    error: DataError | None = None

    @property
    def text(self) -> str | None:
        """The class, "don't know", or None if the picture cannot be read."""
        return None if self.error else self.ranked[0][0] if self.known else UNKNOWN

    def row(self, manner: Manner) -> Row:
        """Return the values by the names of the manner's columns, texts printable; the unknown ones are None."""
        ranks = self.ranked if manner.top > 1 else ()
        values = {
            f"{name}_{n}": value for n, one in enumerate(ranks, 1) for name, value in zip(_RANKED, one, strict=True)
        }
        values |= {"path": self.path, "class": self.text, "error": self.error and self.error.rule}
        values = {name: printable(value) if isinstance(value, str) else value for name, value in values.items()}
        if self.ranked:
            values["probability"] = self.ranked[0][1]
        return {name: values.get(name) for name in manner.columns}


class Answerer:
    """A model with its engine, and threads that decode pictures for it.

    Parameters
    ----------
    model : Model
    manner : Manner
    threads : int, optional
        That decode, and of the fused engine; by default, one per processor.
    engine : Engine, optional
        The model's, if there is one already.

    Examples
    --------
    >>> from handgrad import Architecture, Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> model = Model(network, ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> with Answerer(model, Manner(threshold=0.9, engine="notes"), 1) as answerer:
    ...     [answer] = answerer.answers(["a.png"], [np.zeros((6, 6, 1), np.uint8)])
    >>> answer.text, answer.ranked
    ("don't know", (('free', 0.5),))
    """

    def __init__(self, model: Model, manner: Manner, threads: int | None = None, engine: Engine | None = None) -> None:
        check_threshold(manner.threshold, model.classes)
        model = model.of_pictures()
        self.model, self.manner, self.shape = model, manner, model.architecture.input_shape
        self.engine = engine or engines.create(manner.engine, model.standardization, threads, model.architecture)
        self._pool = ThreadPoolExecutor(threads or processors.available())

    def __enter__(self) -> Answerer:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def of_shard(self, folder: Path | None, shard: Shard) -> Iterator[list[Answer]]:
        """Yield the answers to a shard's pictures, a batch at a time."""
        for names, attempts in read(folder, shard, self.shape, self._pool, self.model.file_ranges):
            yield self.answers(names, attempts)

    def of_files(self, names: Sequence[str], paths: Sequence[str]) -> list[Answer]:
        """Return the answers to the pictures in some files."""
        decode = partial(decoded, shape=self.shape, file_ranges=self.model.file_ranges)
        return self.answers(names, list(self._pool.map(decode, paths)))

    def answers(self, names: Sequence[str], attempts: Sequence[Attempt]) -> list[Answer]:
        """Return the answers to some pictures, of which each could be read or not."""
        readable = [pixels for pixels in attempts if not isinstance(pixels, DataError)]
        probabilities = self.model.predict(np.array(readable, np.uint8).reshape(-1, *self.shape), self.engine)
        known = answered(probabilities, self.manner.threshold or 0.0)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.manner.top]
        rows = iter(zip(probabilities, best, known.tolist(), strict=True))
        found: list[Answer] = []
        for name, attempt in zip(names, attempts, strict=True):
            if isinstance(attempt, DataError):
                found.append(Answer(name, error=attempt))
                continue
            row, order, is_known = next(rows)
            # As many digits as tell a probability from the next one in its precision.
            ranked = tuple((self.model.classes[index], float(str(row[index]))) for index in order)
            found.append(Answer(name, ranked, is_known))
        return found
