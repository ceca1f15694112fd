"""Answers for any number of pictures, in shards; each shard is a file, so that an interrupted prediction continues."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from handgrad import atomic
from handgrad.answers.answering import Answerer, Manner, Row
from handgrad.answers.pictures import BATCH, Shard, find
from handgrad.answers.state import beside, kept, manifest_of, refuse_file
from handgrad.answers.tables import TABLES, Table, table_of
from handgrad.engine import Engine
from handgrad.errors import InputError, OutputError
from handgrad.model import Model
from handgrad.report.coverage import UNKNOWN
from handgrad.text import printable
from handgrad.typing import Progress

ROWS = 4 * BATCH
"""Pictures per shard: what a process that is killed has to do again. Any multiple of a batch gives the same answers."""


@dataclass(frozen=True)
class Summary:
    """The numbers of a prediction, by their names in the command's JSON.

    `unreadable` pictures have an error instead of a class; `parts` counts the shards, `found` those of an earlier run.
    """

    pictures: int
    unreadable: int
    classes: dict[str, int]
    parts: int
    found: int


class Job(NamedTuple):
    """What answers shards: the model and its manner, the folders of pictures and of parts, the form of a part."""

    model: Model
    manner: Manner
    folder: Path | None
    out: Path
    table: str
    threads: int | None


Scheduler: TypeAlias = Callable[[Job, list[Shard]], Generator[int, None, None]]
"""Has shards answered, each by ``Worker.write``, and yields how many pictures have been."""


class Worker:
    """A model that answers shards, each in a file; one in each process that shares a job."""

    def __init__(self, job: Job, engine: Engine | None = None) -> None:
        self.job = job
        self.answerer = Answerer(job.model, job.manner, job.threads, engine)

    def write(self, shard: Shard) -> Iterator[int]:
        """Answer a shard and write its file; yield the number of each batch's pictures."""
        job, rows = self.job, list[Row]()
        for answers in self.answerer.of_shard(job.folder, shard):
            rows += [answer.row(job.manner) for answer in answers]
            yield len(answers)
        part = TABLES[job.table].part(job.manner.columns, rows)
        atomic.write_files(job.out, {name_of(shard.number, job.table): part})


def in_this_process(job: Job, shards: list[Shard], engine: Engine | None = None) -> Generator[int, None, None]:
    """Answer shards one after the other; all processors decode and compute."""
    worker = Worker(job, engine)
    with worker.answerer:
        for shard in shards:
            yield from worker.write(shard)


def predict(
    model: Model,
    images: Sequence[Path],
    out: Path,
    manner: Manner | None = None,
    *,
    threads: int | None = None,
    overwrite: bool = False,
    rows: int = ROWS,
    scheduler: Scheduler = in_this_process,
    progress: Progress | None = None,
) -> Summary:
    """Answer all pictures, and write one row for each; what ``handgrad predict`` does.

    Interrupted at any moment, the same call answers what is missing, and the file is the same, bit for bit, as without
    the interruption. It appears when all is answered.

    Parameters
    ----------
    images : sequence of Path
        A folder, files, or Parquet files; see ``pictures.find``. The rows are in the order of the sorted paths.
    out : Path
        A ``.csv``, ``.jsonl`` or ``.parquet`` file; what is answered so far is in the folder ``….state`` beside it. Any
        other path is a folder, which gets one Parquet file for each shard.
    overwrite : bool
        Replace the file, or the beginnings of other answers.
    rows : int
        Pictures per shard.
    scheduler : callable
        Has the shards answered: ``in_this_process``, or ``cluster.prediction.on_ray``.

    Raises
    ------
    InputError
        If there are no pictures, or there are answers of another model, of other pictures or in another manner.
    OutputError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from handgrad import Architecture, Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> model = Model(network, ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Image.new("L", (6, 6)).save(f"{name}/a.png")
    ...     summary = predict(model, [Path(name)], Path(name, "answers.csv"), Manner(engine="notes"))
    ...     print(Path(name, "answers.csv").read_text(), end="")
    path,class,probability,error
    a.png,free,0.5,
    """
    manner, progress = manner or Manner(), progress or (lambda done, total: None)
    # The workers of a cluster may have another working folder.
    out, images = out.resolve(), [path.resolve() for path in images] if len(images) == 1 else images
    table = table_of(out)
    state, form = (beside(out), table) if table else (out, TABLES["parquet"])
    if table:
        refuse_file(out, overwrite)
    folder, shards, checksum = find(images, rows, (out, state))
    total = sum(shard.rows for shard in shards)
    manifest = manifest_of(model, manner, pictures=checksum, rows=rows, table=form.name)
    with kept(state, out, manifest, partial(state.glob, f"part-*.{form.name}"), overwrite):
        _remove_leftovers(state, form)
        missing = [shard for shard in shards if len(_rows_of(state, form, manner, shard) or ()) != shard.rows]
        done = total - sum(shard.rows for shard in missing)
        progress(done, total)
        job = Job(model, manner, folder, state, form.name, threads)
        if missing:
            with closing(scheduler(job, missing)) as answered:
                for count in answered:
                    done += count
                    progress(done, total)
            _remove_leftovers(state, form)
        counts: Counter[str | None] = Counter()
        parts = _parts(job, shards, counts)
        if table:
            atomic.write_files(out.parent, {out.name: table.joined(manner.columns, parts)})
        else:
            deque(parts, maxlen=0)
    if table:
        shutil.rmtree(state, ignore_errors=True)
    answers = (*map(printable, model.classes), *([UNKNOWN] if manner.threshold is not None else []))
    classes = {name: counts[name] for name in answers}
    return Summary(total, counts[None], classes, len(shards), len(shards) - len(missing))


def _parts(job: Job, shards: Sequence[Shard], counts: Counter[str | None]) -> Iterator[bytes]:
    """Yield the part of each shard, and count its answers."""
    for shard in shards:
        path = job.out / name_of(shard.number, job.table)
        part = path.read_bytes()
        rows = TABLES[job.table].rows(job.manner.columns, part)
        if rows is None:
            raise OutputError(path, "it was damaged after it was written", "repeat the command, which answers it again")
        counts.update(row["class"] for row in rows)
        yield part


def name_of(shard: int, ending: str) -> str:
    """Return the file name of a shard.

    >>> name_of(12, "parquet")
    'part-00012.parquet'
    """
    return f"part-{shard:05d}.{ending}"


def check_out(out: Path) -> None:
    """Raise an InputError unless the end of a file's name says how to write it."""
    if table_of(out) is None:
        rule = "is neither a .csv, a .jsonl nor a .parquet file"
        raise InputError("out", out, rule, "choose one, e.g. answers.csv, or - for the output of the command")


def _remove_leftovers(out: Path, table: Table) -> None:
    """Remove the unfinished files of killed workers."""
    for path in out.glob(f".part-*.{table.name}.????????"):
        path.unlink(missing_ok=True)


def _rows_of(out: Path, table: Table, manner: Manner, shard: Shard) -> list[Row] | None:
    """Return the rows of a shard that was answered before."""
    try:
        return table.rows(manner.columns, (out / name_of(shard.number, table.name)).read_bytes())
    except OSError:
        return None
