"""Answers for what arrives in a folder, in a results file that is complete at every moment."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from handgrad import atomic
from handgrad.answers.answering import Answer, Answerer, Manner
from handgrad.answers.arrivals import Arrivals, Mark
from handgrad.answers.pictures import BATCH
from handgrad.answers.state import beside, kept, manifest_of, refuse_file
from handgrad.answers.tables import Csv, JsonLines, table_of
from handgrad.engine import Engine
from handgrad.errors import InputError, OutputError
from handgrad.model import Model
from handgrad.text import printable

_SHARE = 0.1
"""Share of the time that is spent on looking and on writing at most."""


def watch(
    model: Model,
    folder: Path,
    out: Path,
    manner: Manner | None = None,
    *,
    seconds: float = 1.0,
    once: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
    engine: Engine | None = None,
    stop: Event | None = None,
    tell: Callable[[Answer], None] = lambda answer: None,
    notice: Callable[[str], None] = lambda text: None,
) -> int:
    """Answer whatever arrives in a folder until `stop` is set; return how many pictures were answered.

    A picture is answered when two looks have found it the same, again when it changes, and never twice otherwise, in
    later calls either. What cannot be read is a row with the reason until it changes.

    Parameters
    ----------
    out : Path
        A ``.csv`` or ``.jsonl`` file, which is replaced atomically: a row for each picture, the last answered last. Its
        columns ``bytes`` and ``modified`` say which state of a file was answered.
    seconds : float
        From look to look.
    once : bool
        Answer what is there, and return.
    overwrite : bool
        Replace results of another model or manner, or another file.
    stop : Event, optional
        Ends it after the current batch.
    tell, notice : callable
        Receive every answer, and what a person should know.

    Raises
    ------
    InputError
        If there is no such folder, or the results are not of this model, folder and manner.
    OutputError
        If the results cannot be written at the beginning or, with `once`, at the end; otherwise it tries again.

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
    ...     watch(model, Path(name), Path(name, "results.csv"), Manner(engine="notes"), seconds=0.01, once=True)
    ...     print(Path(name, "results.csv").read_text().splitlines()[0])
    1
    path,class,probability,bytes,modified,error
    """
    manner, stop, state = manner or Manner(), stop or Event(), beside(out)
    if not folder.is_dir():
        raise InputError("folder", folder, "is not a folder", "check the path")
    if not 0 < seconds < float("inf"):
        raise InputError("seconds", seconds, "must be a positive number", "use e.g. 1")
    refuse_file(out, overwrite)
    manifest = manifest_of(model, manner, folder=str(folder.resolve()))
    with kept(state, out, manifest, lambda: filter(Path.exists, [out]), overwrite):
        results = Results(out, manner)
        answered = 0
        arrivals = Arrivals(folder, results.marks, (out, state))
        told = _Told(notice)
        if not once:
            notice(f"watching {folder}")
        with Answerer(model, manner, threads, engine) as answerer:
            for found in _looks(arrivals, seconds, once, stop, told):
                for batch in _batches(found):
                    for answer, mark in _answers(answerer, arrivals.root, batch):
                        results.add(answer, mark)
                        tell(answer)
                        answered += 1
                    results.write(told, at_once=False)
                    if stop.is_set():
                        break
                results.write(told)
        if once and arrivals.waiting:
            notice(f"{arrivals.waiting} files are still changing; the next call answers them")
        results.write()
    return answered


class Results:
    """The results file, with its rows in memory.

    Raises
    ------
    InputError
        If there is a file that has other columns, or is damaged.
    """

    def __init__(self, out: Path, manner: Manner) -> None:
        table = table_of(out)
        if not isinstance(table, Csv | JsonLines):
            raise InputError("out", out, "is neither a .csv nor a .jsonl file", "choose one, e.g. results.csv")
        self.out, self._table, self._manner = out, table, manner
        self._columns = (*manner.columns[:-1], "bytes", "modified", "error")
        self.marks: dict[str, Mark] = {}
        self._lines: dict[str, bytes] = {}
        self._changed, self._rest = not out.exists(), 0.0
        if out.exists():
            self._read()
        self.write()

    def add(self, answer: Answer, mark: Mark) -> None:
        """Put an answer to a file, by its path, in place of an earlier one."""
        row = answer.row(self._manner) | {"path": printable(answer.path), "bytes": mark.size}
        row["modified"] = _written(mark.modified)
        line = self._table.lines(self._columns, [{name: row[name] for name in self._columns}])
        self.marks[row["path"]] = mark
        if self._lines.get(row["path"]) != line:
            self._lines.pop(row["path"], None)
            self._lines[row["path"]] = line
            self._changed = True

    def write(self, told: _Told | None = None, at_once: bool = True) -> None:
        """Write the file if there is something new; not at once if that would take too much of the time.

        An error is told instead of raised if there is someone to tell.
        """
        started = time.monotonic()
        if not self._changed or (not at_once and started < self._rest):
            return
        with told.troubles("results") if told else contextlib.nullcontext():
            pieces = [self._table.header(self._columns), *self._lines.values()]
            atomic.write_files(self.out.parent, {self.out.name: pieces})
            self._changed = False
        self._rest = time.monotonic() + (time.monotonic() - started) / _SHARE

    def _read(self) -> None:
        try:
            content = self.out.read_bytes()
        except OSError as error:
            raise OutputError(self.out, error.strerror or str(error)) from error
        rows = self._table.read(self._columns, content)
        try:
            for row in rows if rows is not None else [{}]:
                mark = Mark(int(row["bytes"]), _read_time(row["modified"]))
                # What could not be read may be readable by now.
                if not row["error"]:
                    self.marks[row["path"]] = mark
                self._lines[row["path"]] = self._table.lines(self._columns, [row])
        except (KeyError, TypeError, ValueError):
            remedy = "choose another path, or set overwrite=True"
            raise InputError("out", self.out, "holds something else than results of a watch", remedy) from None


class _Told:
    """Tells of each trouble once, and again when it is another; and of its end."""

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.notice = notice
        self._last: dict[str, str] = {}

    @contextlib.contextmanager
    def troubles(self, kind: str) -> Iterator[None]:
        try:
            yield
        except (OSError, OutputError) as error:
            text = str(error) if isinstance(error, OutputError) else (error.strerror or str(error))
            if self._last.get(kind) != text:
                self.notice(f"{text}; trying again")
            self._last[kind] = text
        else:
            if self._last.pop(kind, None):
                self.notice(f"the {kind} can be used again")


def _looks(arrivals: Arrivals, seconds: float, once: bool, stop: Event, told: _Told) -> Iterator[Mapping[str, Mark]]:
    """Yield what each look finds; between them, wait at least as long as makes looking a small share of the time."""
    look = 0
    known: set[str] = set()
    while not stop.is_set():
        started, look = time.monotonic(), look + 1
        found: Mapping[str, Mark] = {}
        with told.troubles(f"folder {arrivals.root}"):
            found = arrivals.look()
        for at in sorted(arrivals.unreadable.keys() - known):
            told.notice(f"{os.path.join(arrivals.root, at)} cannot be read ({arrivals.unreadable[at]})")  # noqa: PTH118
            known.add(at)
        took = time.monotonic() - started
        yield found
        if once and (look > 1 or not arrivals.waiting):
            return
        stop.wait(max(seconds, took / _SHARE))


def _batches(found: Mapping[str, Mark]) -> Iterator[dict[str, Mark]]:
    items = list(found.items())
    for start in range(0, len(items), BATCH):
        yield dict(items[start : start + BATCH])


def _answers(answerer: Answerer, root: str, batch: Mapping[str, Mark]) -> Iterable[tuple[Answer, Mark]]:
    """Yield the answers to files that are what they were when they were found."""
    paths = [os.path.join(root, name) for name in batch]  # noqa: PTH118
    for answer, path, mark in zip(answerer.of_files(list(batch), paths), paths, batch.values(), strict=True):
        # Whatever has changed or gone meanwhile is for another look.
        with contextlib.suppress(OSError):
            status = os.stat(path)  # noqa: PTH116
            if mark == (status.st_size, status.st_mtime_ns):
                yield answer, mark


def _written(nanoseconds: int) -> str:
    """Write a time with all its digits.

    >>> _written(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123456789Z'
    """
    whole, rest = divmod(nanoseconds, 10**9)
    try:
        return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    except (OverflowError, ValueError, OSError):  # a file may claim any time
        return str(nanoseconds)


def _read_time(text: str) -> int:
    """Read what ``_written`` wrote.

    >>> _read_time("2023-11-14T22:13:20.123456789Z"), _read_time("-5")
    (1700000000123456789, -5)
    """
    if not text.endswith("Z"):
        return int(text)
    whole, _, rest = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(rest)
