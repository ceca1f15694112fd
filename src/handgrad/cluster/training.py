"""One model trained by several workers: each computes its share of every batch, and all take the same step."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from handgrad import engine as engines
from handgrad.cluster.connection import connected, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.data import Dataset, absolute, load
from handgrad.engine import Engine
from handgrad.errors import ClusterError, DivergenceError, HandgradError, InputError
from handgrad.model import Model
from handgrad.training import Epoch, Recipe, State, Step
from handgrad.training import checkpoint as checkpoints
from handgrad.training import train as train_model
from handgrad.training.checkpoint import Checkpoint, Checkpoints
from handgrad.training.workers import share_of
from handgrad.typing import Array

FAILURES = 3
"""Times that workers are relaunched without a new checkpoint; hosts that announce their end do not count."""

_SECONDS_BETWEEN_EVENTS = 0.25


@dataclass(frozen=True)
class Job:
    """What every worker has to know.

    Parameters
    ----------
    source : mapping
        Arguments of ``data.load``; what it names lies at the same place on every host.
    model : Model
    recipe : Recipe
    seed : int
    engine : str
        Name of what computes.
    threads : int
        Of each worker.
    start : Checkpoint
        Where to begin.
    """

    source: Mapping[str, Any]
    model: Model
    recipe: Recipe
    seed: int
    engine: str
    threads: int
    start: Checkpoint


class Peers:
    """The workers of a process group of torch's, as ``training.workers.Workers``, seen by one of them."""

    def __init__(self) -> None:
        import torch.distributed

        self.number, self.count = torch.distributed.get_rank(), torch.distributed.get_world_size()

    def share(self, images: int) -> slice:
        """A row of images of this worker's."""
        return share_of(self.number, self.count, images)

    def add(self, numbers: Array) -> None:
        """One all-reduce, over the numbers where they lie."""
        import torch

        torch.distributed.all_reduce(torch.from_numpy(numbers))

    def first(self, failure: HandgradError | None) -> HandgradError | None:
        """The failure of the first worker that has one; the same for all of them."""
        import torch.distributed

        failures: list[HandgradError | None] = [None] * self.count
        torch.distributed.all_gather_object(failures, failure)
        return next(filter(None, failures), None)


def train(
    model: Model,
    dataset: Dataset,
    recipe: Recipe,
    engine: Engine,
    seed: int,
    state: State,
    *,
    source: Mapping[str, Any],
    folder: Path,
    workers: int,
    address: str | None = None,
    threads: int | None = None,
) -> Generator[Step | Epoch, None, None]:
    """As ``training.train``, by the workers of a Ray cluster.

    Parameters
    ----------
    model, dataset, recipe, engine, seed, state
        As there. However it ends, model and state are those of the last epoch that was kept.
    source : mapping
        Arguments of ``data.load`` that gave the dataset; each worker loads it for itself.
    folder : Path
        The training's own, where every host reaches it. It holds the checkpoint to begin with.
    workers : int
    address : str, optional
        As in ``connection.connected``.
    threads : int, optional
        Of each worker; as many as it can have to itself if left out.

    Yields
    ------
    Step or Epoch
        As they become known; those of steps that are taken again after a failure, once more.

    Raises
    ------
    ClusterError
        If workers are lost again and again.
    HandgradError
        Whatever ended the training in a worker.
    """
    kept = Checkpoints(folder)
    reading = {name: absolute(value) if isinstance(value, str) else value for name, value in source.items()}
    try:
        with connected(address):
            job = Job(reading, model, recipe, seed, engine.name, threads or threads_of_workers(workers), _newest(kept))
            while True:
                try:
                    yield from call(fit, job, kept.cluster.resolve(), workers)
                    break
                except ClusterError:
                    start = _newest(kept)
                    if start.sums["step"] == job.start.sums["step"]:
                        raise
                    job = replace(job, start=start)
    finally:
        reached = _newest(kept).restore(model, recipe, engine)
        for part in fields(State):
            setattr(state, part.name, getattr(reached, part.name))
    # No step is left to take; the parameters of the best epoch come back with early stopping.
    yield from train_model(model, dataset.train, dataset.validation, recipe, engine, seed, state)


def _newest(kept: Checkpoints) -> Checkpoint:
    newest = kept.newest(lambda _: None)
    assert newest, "the caller wrote one"
    return newest


def fit(job: Job, storage: Path, workers: int, driver: Any) -> HandgradError | None:
    """Have Ray Train run the job; what ended it before its time."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    trainer = TorchTrainer(
        work,
        train_loop_config={"job": job, "driver": driver},
        torch_config=TorchConfig(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=workers, resources_per_worker={"CPU": job.threads}),
        run_config=RunConfig(
            # Not one that was there before, which Ray would go on with.
            name=f"from-{job.start.sums['step']:08}-{secrets.token_hex(4)}",
            storage_path=str(storage),
            failure_config=FailureConfig(max_failures=FAILURES),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        failure: HandgradError | None = trainer.fit().return_value
    except TrainingFailedError as error:
        text = f"its workers failed {FAILURES + 1} times from one checkpoint, at last with: {_reason(error)}"
        raise ClusterError(text) from error
    return failure


def _reason(error: BaseException) -> str:
    """The last line of what a worker met."""
    failures = getattr(error, "worker_failures", None) or {0: error}
    lines = str(next(iter(failures.values()))).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def work(config: dict[str, Any]) -> HandgradError | None:
    """What each worker does; what ended the training, where that is no matter of the cluster's."""
    job, peers = config["job"], Peers()
    dataset, failure = None, None
    try:
        dataset = _dataset(job)
    except HandgradError as error:
        failure = error
    # Told by all: a worker that waits for one that has left would wait for long.
    failure = peers.first(failure)
    if failure or dataset is None:
        return failure
    with threadpool_limits(1, user_api="blas"):
        try:
            _train_share(job, dataset, peers, config["driver"])
        except DivergenceError as error:  # all workers have it
            return error
    return None


def _dataset(job: Job) -> Dataset:
    dataset = load(**job.source)
    expected, found = job.start.provenance["data"]["sha256"], dataset.checksum()
    if found != expected:
        import socket

        raise InputError(
            "source",
            job.source["source"],
            f"its images on {socket.gethostname()} are not those that the command read (SHA-256 {found[:8]}…, not "
            f"{expected[:8]}…)",
            "let every host have the same folder",
        )
    return dataset


def _train_share(job: Job, dataset: Dataset, peers: Peers, driver: Any) -> None:
    import ray.train

    # What comes through Ray's store is read-only.
    model = replace(job.model, parameters=job.model.parameters.copy())
    engine = engines.create(job.engine, model.standardization, job.threads, model.architecture)
    state = _latest(job).restore(model, job.recipe, engine)
    untold: list[Step | Epoch] = []
    told = time.monotonic()
    parts = dataset.train, dataset.validation
    for event in train_model(model, *parts, job.recipe, engine, job.seed, state, workers=peers):
        if isinstance(event, Epoch):
            with tempfile.TemporaryDirectory() as folder:
                kept = None
                if peers.number == 0:
                    content = checkpoints.to_bytes(model, state, job.start.settings)
                    (Path(folder) / checkpoints.name_of(state.step)).write_bytes(content)
                    kept = ray.train.Checkpoint.from_directory(folder)
                ray.train.report({"epoch": event.epoch, "loss": event.loss}, checkpoint=kept)
        if peers.number == 0:
            untold.append(event)
            if isinstance(event, Epoch) or time.monotonic() - told > _SECONDS_BETWEEN_EVENTS:
                # Waited for, so that none is on its way when its worker ends.
                ray.get(driver.tell.remote(untold))
                untold, told = [], time.monotonic()


def _latest(job: Job) -> Checkpoint:
    """The checkpoint that Ray has registered, or that of the beginning."""
    import ray.train

    registered = ray.train.get_checkpoint()
    if registered is None:
        return job.start
    with registered.as_directory() as folder:
        (path,) = Path(folder).glob("step-*.safetensors")
        return checkpoints.load(path)
