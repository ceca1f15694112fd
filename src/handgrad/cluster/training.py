"""One model trained by several workers: each computes its share of every batch, and all take the same step."""

from __future__ import annotations

import secrets
import socket
import tempfile
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from handgrad.cluster.connection import connected, lines_of, threads_of_workers
from handgrad.cluster.exchange import Ring
from handgrad.cluster.remote import call
from handgrad.data import absolute
from handgrad.data.cache import Cache
from handgrad.errors import ClusterError, DivergenceError, HandgradError, InputError
from handgrad.runs import Run, TrainingOptions, prepare
from handgrad.training import Epoch, Step
from handgrad.training import checkpoint as checkpoints
from handgrad.training.checkpoint import Checkpoint, Checkpoints
from handgrad.training.workers import share_of
from handgrad.typing import Array

FAILURES = 3
"""How often workers are relaunched without a new checkpoint; hosts that announce their end do not count."""

_SECONDS_BETWEEN_EVENTS = 0.25


class Job(NamedTuple):
    """What every worker needs: files at the same path on every host, its number of threads, where to begin."""

    options: TrainingOptions
    cache: Cache | None
    threads: int
    start: Checkpoint


class Peers:
    """The workers of a ring, as one of them sees them; see ``training.workers.Workers``."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.number, self.count = ring.number, ring.count

    def share(self, images: int) -> slice:
        """Select this worker's share of a number of images."""
        return share_of(self.number, self.count, images)

    def add(self, numbers: Array) -> None:
        """Replace the numbers by their sum over all workers, in one all-reduce."""
        self._ring.add(numbers)

    def first(self, failure: HandgradError | None) -> HandgradError | None:
        """Return the failure of the first worker that has one, the same in all of them."""
        return next(filter(None, self._ring.gather(failure)), None)


def train(
    run: Run, folder: Path, *, address: str | None = None, threads: int | None = None
) -> Generator[Step | Epoch, None, None]:
    """Train a run with the workers of a Ray cluster, as many as its options say; a loop for ``runs.train``.

    Every host must reach the folder, which holds the checkpoint to begin with. Each worker has as many `threads` as it
    can have to itself if left out. Steps that are repeated after a failure are yielded again. However it ends, the
    run's model and state are those of the last checkpoint. A ClusterError is raised if workers are lost again and
    again, and any other HandgradError that ends the training in a worker.
    """
    kept, workers = Checkpoints(folder), run.options.workers or 1
    group_by = run.options.group_by and absolute(run.options.group_by)
    options = replace(run.options, source=absolute(run.options.source), group_by=group_by)
    try:
        with connected(address):
            job = Job(options, run.cache, threads or threads_of_workers(workers), _newest(kept))
            while True:
                try:
                    yield from call(fit, job, kept.cluster.resolve(), workers)
                    break
                except ClusterError:
                    start = _newest(kept)
                    if start.sums["step"] == job.start.sums["step"]:
                        raise
                    job = job._replace(start=start)
    finally:
        run.state = _newest(kept).restore(run.model, options.recipe, run.engine)
    # No step is left to take; early stopping puts the parameters of the best epoch back.
    yield from run.events()


def _newest(kept: Checkpoints) -> Checkpoint:
    newest = kept.newest(lambda _: None)
    assert newest, "the caller has written one"
    return newest


def fit(job: Job, storage: Path, workers: int, driver: Any) -> HandgradError | None:
    """Have Ray Train run the job; return what ended it early."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    trainer = DataParallelTrainer(
        work,
        train_loop_config={"job": job, "driver": driver},
        scaling_config=ScalingConfig(num_workers=workers, resources_per_worker={"CPU": job.threads}),
        run_config=RunConfig(
            # A new name: Ray would continue an old one.
            name=f"from-{job.start.sums['step']:08}-{secrets.token_hex(4)}",
            storage_path=str(storage),
            failure_config=FailureConfig(max_failures=FAILURES),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        return trainer.fit().return_value
    except TrainingFailedError as error:
        of_a_worker = next(iter((getattr(error, "worker_failures", None) or {0: error}).values()))
        reason = lines_of(of_a_worker)[-1]
        text = f"its workers failed {FAILURES + 1} times from one checkpoint, the last time with: {reason}"
        raise ClusterError(text) from error


def work(config: dict[str, Any]) -> HandgradError | None:
    """Train as one worker; return what ended the training, unless the cluster is at fault."""
    from ray.train import get_context
    from ray.train.collective import broadcast_from_rank_zero
    from ray.util import get_node_ip_address

    context = get_context()
    number, count = context.get_world_rank(), context.get_world_size()
    with Ring(number, count, get_node_ip_address(), broadcast_from_rank_zero) as ring:
        return _train_as(Peers(ring), **config)


def _train_as(peers: Peers, job: Job, driver: Any) -> HandgradError | None:
    run, failure = None, None
    try:
        run = _prepared(job)
    except HandgradError as error:
        failure = error
    # All must agree: a worker that waits for one that has left would wait for long.
    failure = peers.first(failure)
    if failure or run is None:
        return failure
    with threadpool_limits(1, user_api="blas"):
        try:
            _train_share(run, job, peers, driver)
        except DivergenceError as error:  # all workers have it
            return error
    return None


def _prepared(job: Job) -> Run:
    """Return a run with this host's images, from the checkpoint that Ray has registered, or the first one."""
    import ray.train

    run = prepare(job.options, cache=job.cache, threads=job.threads)
    expected, found = job.start.provenance["data"]["sha256"], run.model.provenance["data"]["sha256"]
    if found != expected:
        where = f"its images on {socket.gethostname()} are not those that the command read"
        rule = f"{where} (SHA-256 {found[:8]}…, not {expected[:8]}…)"
        raise InputError("source", job.options.source, rule, "give every host the same folder")
    run.model = replace(run.model, provenance=job.start.provenance)
    start = job.start
    if registered := ray.train.get_checkpoint():
        with registered.as_directory() as folder:
            (path,) = Path(folder).glob("step-*.safetensors")
            start = checkpoints.load(path)
    run.state = start.restore(run.model, job.options.recipe, run.engine)
    return run


def _train_share(run: Run, job: Job, peers: Peers, driver: Any) -> None:
    import ray.train

    unreported: list[Step | Epoch] = []
    reported = time.monotonic()
    for event in run.events(workers=peers):
        if isinstance(event, Epoch):
            with tempfile.TemporaryDirectory() as folder:
                kept = None
                if peers.number == 0:
                    content = checkpoints.to_bytes(run.model, run.state, job.start.settings)
                    (Path(folder) / checkpoints.name_of(run.state.step)).write_bytes(content)
                    kept = ray.train.Checkpoint.from_directory(folder)
                ray.train.report({"epoch": event.epoch, "loss": event.loss}, checkpoint=kept)
        if peers.number == 0:
            unreported.append(event)
            if isinstance(event, Epoch) or time.monotonic() - reported > _SECONDS_BETWEEN_EVENTS:
                # Waited for, so that none is on its way when its worker ends.
                ray.get(driver.report.remote(unreported))
                unreported, reported = [], time.monotonic()
