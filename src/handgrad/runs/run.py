"""A training ready to begin, with the images read and the initial values drawn, and who receives its reports."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handgrad import engine as engines
from handgrad.data import Dataset, load
from handgrad.data.cache import Cache
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.pixel_range import PIXELS
from handgrad.report.surroundings import versions
from handgrad.runs.options import TrainingOptions
from handgrad.training import Callback, Epoch, State, Step
from handgrad.training import train as train_model
from handgrad.typing import Progress


@dataclass(eq=False)
class Run:
    """A training with all that it needs, ready to begin or to resume; `cache` keeps decoded images."""

    options: TrainingOptions
    dataset: Dataset
    model: Model
    engine: Engine
    state: State
    cache: Cache | None = None

    def events(self, **more: Any) -> Generator[Step | Epoch, None, None]:
        """Train, in this process; arguments as in ``training.train``."""
        splits, options = (self.dataset.train, self.dataset.validation), self.options
        return train_model(self.model, *splits, options.recipe, self.engine, options.seed, self.state, **more)


class Observer:
    """Receives what a run reports, and ignores it; subclasses show it."""

    def notice(self, text: str) -> None:
        """Receive one line that a person should know."""

    def counting(self, description: str) -> AbstractContextManager[Progress | None]:
        """Return a context for work that reports (done, total)."""
        return nullcontext()

    def prepared(self, run: Run, folder: Path) -> None:
        """Receive the run and its folder before the first step."""

    def training(self) -> AbstractContextManager[Callback]:
        """Return a context for the loop, which is given every step and epoch."""
        return nullcontext(lambda event: None)


def prepare(
    options: TrainingOptions,
    *,
    command: str | None = None,
    cache: Cache | None = None,
    threads: int | None = None,
    observer: Observer | None = None,
) -> Run:
    """Read the images and draw the initial values: a run before its first step.

    Parameters
    ----------
    command : str, optional
        What the model's provenance says of how it was made; the options if left out.
    cache : Cache, optional
        Keeps decoded images.
    threads : int, optional
        Of the fused engine.

    Examples
    --------
    >>> run = prepare(TrainingOptions(source="digits", engine="notes"))
    >>> next(run.events()).step
    1
    """
    observer = observer or Observer()
    with observer.counting("Reading pictures") as progress:
        dataset = load(**options.reading(), cache=cache, progress=progress)
    for text in dataset.notices:
        observer.notice(text)
    architecture = options.architecture(dataset.image_shape, len(dataset.classes))
    if options.network["maps"] and not any(layer.mixing_shape for layer in architecture.convolutions):
        observer.notice("maps have no effect: no convolution reads several channels")
    model = Model.initial(architecture, dataset.classes, dataset.standardization(), options.seed)
    provenance = _provenance(options, dataset, command or f"train({options})")
    model = replace(model, provenance=provenance, file_ranges=dataset.file_ranges)
    engine = engines.create(options.engine, model.standardization, threads, architecture)
    state = State(engine.optimizer(options.recipe, model.parameters))
    return Run(options, dataset, model, engine, state, cache)


def _provenance(options: TrainingOptions, dataset: Dataset, command: str) -> dict[str, Any]:
    return {
        "command": command,
        "seed": options.seed,
        "recipe": options.recipe.chosen_for(len(dataset.train)),
        "pixel_range": PIXELS.to_list(),
        "file_ranges": {kind: ends.to_list() for kind, ends in dataset.file_ranges.items()},
        "data": {"source": options.source, "sha256": dataset.checksum(), "group_by": dataset.group_by},
        "versions": versions(),
    }
