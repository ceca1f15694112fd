"""Predictions for any number of pictures by several workers, in parts; each part is a file."""

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
from handgrad.cluster.connection import connected, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.cluster.unlabeled import ROWS, Part, Reader, find
from handgrad.errors import ClusterError, HandgradError, InputError
from handgrad.model import Model
from handgrad.typing import Progress

MANIFEST = "manifest.json"
_VERSION = 1


@dataclass(frozen=True)
class Summary:
    """The numbers of a prediction.

    Parameters
    ----------
    pictures : int
        All of them; each has a row.
    unreadable : int
        Those whose row has an error instead of a class.
    classes : dict of str to int
        Pictures predicted as each class.
    parts : int
        Files.
    found : int
        Files left by an earlier run.
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
    """Predict all pictures with the workers of a Ray cluster; parts that exist are not repeated.

    Parameters
    ----------
    model : Model
    images : Path
        A folder of pictures, a ``.parquet`` file or a folder of such (see ``unlabeled``), at the same path on every
        host.
    out : Path
        Folder for the files ``part-00000.parquet`` …, where every host reaches it. Their columns are ``path``,
        ``class``, ``probability`` and ``error``: either class and probability are null, or error is.
    workers : int
        Each has a model of its own.
    address : str, optional
        As in ``connection.connected``.
    engine : str
        Name of the engine.
    threads : int, optional
        Of each worker; as many as it can have to itself if left out.
    rows : int
        Pictures per part.
    progress : callable, optional
        Called with (pictures done, total).

    Raises
    ------
    InputError
        If there are no pictures, or the folder holds predictions of another model or of other pictures.
    ClusterError
        If the workers fail.
    OutputError
        If the folder cannot be written.
    """
    engines.check_name(engine)
    # The workers may have another working folder.
    images, out = images.resolve(), out.resolve()
    source = find(images, rows)
    choices = {"model": _checksum(model), "pictures": source.checksum, "rows": rows, "engine": engine}
    _claim(out, {"version": _VERSION, **choices})
    _remove_leftovers(out)
    total = sum(part.rows for part in source.parts)
    missing = [part for part in source.parts if not _is_done(out, part)]
    done = total - sum(part.rows for part in missing)
    if progress:
        progress(done, total)
    if missing:
        with connected(address):
            threads = threads or threads_of_workers(workers)
            for predicted in call(predict_parts, missing, workers, (model, source.read, out, engine, threads)):
                done += predicted
                if progress:
                    progress(done, total)
        _remove_leftovers(out)
    return _summary(model, out, source.parts, len(source.parts) - len(missing))


def name_of(part: int) -> str:
    """Return the file name of a part.

    Examples
    --------
    >>> name_of(12)
    'part-00012.parquet'
    """
    return f"part-{part:05d}.parquet"


class Predictor:
    """A worker with a model, which reads a part, predicts it and writes its file; an actor."""

    def __init__(self, model: Model, read: Reader, out: Path, engine: str, threads: int) -> None:
        self.model, self.read, self.out, self.threads = model, read, out, threads
        self.engine = engines.create(engine, model.standardization, threads, model.architecture)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Predict one part; return the number of its pictures, or what went wrong."""
        part = Part(**row)
        try:
            atomic.write_files(self.out, {name_of(part.number): self._table(part)})
        except HandgradError as error:
            return {"done": 0, "failure": str(error)}
        return {"done": part.rows, "failure": ""}

    def _table(self, part: Part) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, list[Any]] = {name: [] for name in _schema().names}
        for names, pixels, errors in self.read(part, self.model.architecture.input_shape, self.threads):
            columns["path"] += names
            columns["error"] += errors
            predicted = iter(self.model.predict(pixels, self.engine))
            for error in errors:
                row = None if error else next(predicted)
                columns["class"].append(None if row is None else self.model.classes[int(np.argmax(row))])
                columns["probability"].append(None if row is None else row.max())
        content = io.BytesIO()
        pq.write_table(pa.table(columns, schema=_schema()), content)
        return content.getvalue()


def predict_parts(missing: list[Part], workers: int, predictor: tuple[Any, ...], driver: Any) -> None:
    """Have Ray Data distribute the parts, and report the number of pictures of each when it is done."""
    import ray.data

    # One block per part: a lost worker costs one part, which Ray gives to another worker.
    parts = ray.data.from_items([part._asdict() for part in missing], override_num_blocks=len(missing))
    results = parts.map(
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
        raise ClusterError(f"the workers failed: {str(error).strip().splitlines()[-1]}") from error


def _claim(out: Path, manifest: dict[str, Any]) -> None:
    """Write down what the parts in this folder are of; refuse parts of something else."""
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


def _checksum(model: Model) -> str:
    return hashlib.sha256(model_file.to_bytes(model)).hexdigest()


def _is_done(out: Path, part: Part) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return bool(pq.read_metadata(out / name_of(part.number)).num_rows == part.rows)
    except (OSError, pa.ArrowException):
        return False


def _summary(model: Model, out: Path, parts: list[Part], found: int) -> Summary:
    import pyarrow.parquet as pq

    counts: Counter[str | None] = Counter()
    for part in parts:
        counts.update(pq.read_table(out / name_of(part.number), columns=["class"])["class"].to_pylist())
    classes = {name: counts[name] for name in model.classes}
    return Summary(counts.total(), counts[None], classes, len(parts), found)


def _schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    return pa.schema([("path", text), ("class", text), ("probability", pa.float32()), ("error", text)])
