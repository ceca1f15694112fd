"""Predictions for any number of pictures by several workers, in shards; each shard is a file."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from handgrad import atomic, model_file
from handgrad import engine as engines
from handgrad.cluster.connection import connected, lines_of, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.cluster.unlabeled import ROWS, Shard, find, read
from handgrad.errors import ClusterError, HandgradError, InputError
from handgrad.model import Model
from handgrad.typing import Progress

MANIFEST = "manifest.json"
_VERSION = 1


@dataclass(frozen=True)
class Summary:
    """The numbers of a prediction, by their names in the command's JSON.

    `unreadable` pictures have an error instead of a class; `parts` counts the files, `found` those of an earlier run.
    """

    pictures: int
    unreadable: int
    classes: dict[str, int]
    parts: int
    found: int


def predict(
    model: Model,
    images: Path,
    out: Path,
    *,
    workers: int,
    address: str | None = None,
    engine: str = engines.ENGINES[0],
    threads: int | None = None,
    rows: int = ROWS,
    progress: Progress | None = None,
) -> Summary:
    """Predict all pictures with the workers of a Ray cluster; shards that exist are not repeated.

    The pictures (see ``unlabeled.find``) have the same path on every host, and every host must reach the folder `out`.
    It gets a file of `rows` pictures for each shard, with the columns ``path``, ``class``, ``probability`` and
    ``error``: either class and probability are null, or error is. Each worker has a model of its own, and as many
    `threads` as it can have to itself if left out. An InputError is raised if there are no pictures, or the folder
    holds predictions of another model or of other pictures.
    """
    engines.check_name(engine)
    model = model.of_pictures()
    progress = progress or (lambda done, total: None)
    # The workers may have another working folder.
    images, out = images.resolve(), out.resolve()
    folder, shards, checksum = find(images, rows)
    digest = hashlib.sha256(model_file.to_bytes(model)).hexdigest()
    _claim(out, {"version": _VERSION, "model": digest, "pictures": checksum, "rows": rows, "engine": engine})
    _remove_leftovers(out)
    total = sum(shard.rows for shard in shards)
    missing = [shard for shard in shards if not _is_done(out, shard)]
    done = total - sum(shard.rows for shard in missing)
    progress(done, total)
    if missing:
        with connected(address):
            threads = threads or threads_of_workers(workers)
            for predicted in call(predict_shards, missing, workers, (model, folder, out, engine, threads)):
                done += predicted
                progress(done, total)
        _remove_leftovers(out)
    counts: Counter[str | None] = Counter()
    for shard in shards:
        counts.update(_read(out, shard))
    classes = {name: counts[name] for name in model.classes}
    return Summary(total, counts[None], classes, len(shards), len(shards) - len(missing))


def name_of(shard: int) -> str:
    """Return the file name of a shard.

    >>> name_of(12)
    'part-00012.parquet'
    """
    return f"part-{shard:05d}.parquet"


class Predictor:
    """A worker with a model, which reads a shard, predicts it and writes its file; an actor."""

    def __init__(self, model: Model, folder: Path, out: Path, engine: str, threads: int) -> None:
        self.model, self.folder, self.out, self.threads = model, folder, out, threads
        self.engine = engines.create(engine, model.standardization, threads, model.architecture)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Predict one shard; return the number of its pictures, or what went wrong."""
        shard = Shard(**row)
        try:
            atomic.write_files(self.out, {name_of(shard.number): self._table(shard)})
        except HandgradError as error:
            return {"done": 0, "failure": str(error)}
        return {"done": shard.rows, "failure": ""}

    def _table(self, shard: Shard) -> bytes:
        import pyarrow.parquet

        shape = self.model.architecture.input_shape
        rows: list[dict[str, Any]] = []
        for names, attempts in read(self.folder, shard, shape, self.threads, self.model.file_ranges):
            readable = [pixels for pixels in attempts if not isinstance(pixels, str)]
            predicted = iter(self.model.predict(np.array(readable, np.uint8).reshape(-1, *shape), self.engine))
            for name, attempt in zip(names, attempts, strict=True):
                if isinstance(attempt, str):
                    rows.append({"path": name, "error": attempt})
                else:
                    found = next(predicted)
                    best = self.model.classes[int(np.argmax(found))]
                    rows.append({"path": name, "class": best, "probability": found.max()})
        text = pyarrow.string()
        columns = [("path", text), ("class", text), ("probability", pyarrow.float32()), ("error", text)]
        content = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, pyarrow.schema(columns)), content)
        return content.getvalue()


def predict_shards(missing: list[Shard], workers: int, predictor: tuple[Any, ...], driver: Any) -> None:
    """Have Ray Data distribute the shards, and report the number of pictures of each when it is done."""
    import ray.data

    # One block per shard: a lost worker costs one shard, which Ray gives to another worker.
    shards = ray.data.from_items([shard._asdict() for shard in missing], override_num_blocks=len(missing))
    results = shards.map(
        Predictor,
        fn_constructor_args=predictor,
        num_cpus=predictor[-1],
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(missing)), max_tasks_in_flight_per_actor=2),
    )
    try:
        for result in results.iter_rows():
            if result["failure"]:
                raise ClusterError(result["failure"])
            ray.get(driver.report.remote([result["done"]]))
    except ray.exceptions.RayError as error:
        raise ClusterError(f"the workers failed: {lines_of(error)[-1]}") from error


def _claim(out: Path, manifest: dict[str, Any]) -> None:
    """Write down what this folder's shards are of; refuse shards of something else."""
    if not any(out.glob("*.parquet")):
        atomic.write_files(out, {MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()})
        return
    refuse = partial(InputError, "out", out)
    try:
        found = dict(json.loads((out / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise refuse(f"holds Parquet files without a valid {MANIFEST}", "choose another folder") from error
    for name, value in manifest.items():
        if found.get(name) != value:
            rule = f"holds predictions of {'another model' if name == 'model' else f'other {name}'}"
            raise refuse(rule, "choose another folder, or remove it")


def _remove_leftovers(out: Path) -> None:
    """Remove the unfinished files of killed workers."""
    for path in out.glob(".part-*.parquet.????????"):
        path.unlink(missing_ok=True)


def _is_done(out: Path, shard: Shard) -> bool:
    import pyarrow.parquet

    try:
        return bool(pyarrow.parquet.read_metadata(out / name_of(shard.number)).num_rows == shard.rows)
    except (OSError, pyarrow.ArrowException):
        return False


def _read(out: Path, shard: Shard) -> list[str | None]:
    """Return the predicted class of each picture."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(out / name_of(shard.number), columns=["class"])["class"].to_pylist()
