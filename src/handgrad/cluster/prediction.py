"""Answers for any number of pictures by several workers: Ray distributes the shards."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from handgrad.answers.pictures import Shard
from handgrad.answers.prediction import Job, Scheduler, Worker
from handgrad.cluster.connection import connected, lines_of, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.errors import ClusterError, HandgradError


def on_ray(workers: int, address: str | None = None) -> Scheduler:
    """Return what has shards answered by the workers of a Ray cluster.

    The pictures have the same path on every host, and every host must reach the folder of the results. Each worker has
    a model of its own, and as many threads as it can have to itself, unless the job says otherwise.
    """

    def schedule(job: Job, shards: list[Shard]) -> Generator[int, None, None]:
        with connected(address):
            job = job._replace(threads=job.threads or threads_of_workers(workers))
            yield from call(answer_shards, shards, workers, job)

    return schedule


class Predictor:
    """A worker of the cluster; an actor."""

    def __init__(self, job: Job) -> None:
        self.worker = Worker(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Answer one shard; return the number of its pictures, or what went wrong."""
        try:
            return {"done": sum(self.worker.write(Shard(**row))), "failure": ""}
        except HandgradError as error:
            return {"done": 0, "failure": str(error)}


def answer_shards(missing: list[Shard], workers: int, job: Job, driver: Any) -> None:
    """Have Ray Data distribute the shards, and report the number of pictures of each when it is done."""
    import ray.data

    # One block per shard: a lost worker costs one shard, which Ray gives to another worker.
    shards = ray.data.from_items([shard._asdict() for shard in missing], override_num_blocks=len(missing))
    results = shards.map(
        Predictor,
        fn_constructor_args=(job,),
        num_cpus=job.threads,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(missing)), max_tasks_in_flight_per_actor=2),
    )
    try:
        for result in results.iter_rows():
            if result["failure"]:
                raise ClusterError(result["failure"])
            ray.get(driver.report.remote([result["done"]]))
    except ray.exceptions.RayError as error:
        raise ClusterError(f"the workers failed: {lines_of(error)[-1]}") from error
