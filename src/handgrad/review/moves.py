"""Changes become moves of files: nothing is overwritten, and a list of what was moved can undo it."""

from __future__ import annotations

import errno
import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

from handgrad import atomic
from handgrad.errors import InputError
from handgrad.review.changes import COLUMNS, Change, read_changes, read_rows, table, write_changes
from handgrad.review.subject import Places, Subject
from handgrad.text import printable

FILE_NAME = "moved.csv"
ASIDE = "set-aside"
"""Folder of the review for pictures of no class."""

_MOVED = (*COLUMNS, "source", "target")


class Move(NamedTuple):
    """A file that goes, or went, from one path to another because of a change."""

    change: Change
    source: Path
    target: Path


@dataclass
class Plan:
    """What the changes ask for.

    Parameters
    ----------
    moves : list of Move
        Files to move; no two have one target.
    done : list of Move
        Files that an interrupted run has moved already.
    right : int
        Number of labels that a person found right.
    left : list of str
        A line for each change that cannot be made, with the reason.
    """

    moves: list[Move] = field(default_factory=list)
    done: list[Move] = field(default_factory=list)
    right: int = 0
    left: list[str] = field(default_factory=list)


def plan(subject: Subject, folder: Path, unlabeled: Path | None = None) -> Plan:
    """Return the moves that the changes in a review's folder ask for.

    Parameters
    ----------
    subject : Subject
        The images as they are now.
    folder : Path
        Of the review.
    unlabeled : Path, optional
        The folder of the pictures without labels.

    Raises
    ------
    InputError
        If the images have no files of their own.
    """
    if subject.root is None:
        rule = "its pictures are no files in class folders, so that none can be moved"
        raise InputError(
            "source", subject.source, rule, "read changes.csv, which has their numbers, in your own program"
        )
    root, names = subject.root, subject.samples.identifiers.tolist()
    labels = [subject.classes[label] for label in subject.samples.labels]
    known, places = (
        {printable(name): (name, label) for name, label in zip(names, labels, strict=True)},
        Places(names, labels),
    )
    earlier = {move.change: move for move in moved(folder)}
    made, taken = Plan(), set[str]()
    for change in read_changes(folder).values():
        above = root if change.label else unlabeled
        source = above / change.file if above else Path(change.file)
        former = earlier.get(change)
        if former and former.target.is_file() and not former.source.exists():
            made.done.append(former)
        elif why := _obstacle(change, above, known, subject.classes):
            made.left.append(f"{change.file}: {why}")
        elif change.to == change.label:
            made.right += 1
        else:
            wanted = folder / ASIDE / change.file
            if change.to:
                name = places.moved if change.label else None
                new = name(change.file, change.label, change.to) if name else places.added(change.file, change.to)
                wanted = root / new
            target = next(path for path in _names(wanted) if _plain(path) not in taken and _is_free(path, former))
            taken.add(_plain(target))
            made.moves.append(Move(change, source, target))
    return made


def apply(made: Plan, subject: Subject, folder: Path) -> tuple[list[Move], list[str]]:
    """Move the files, note in the review's folder what undoes it; return what was moved, and a line for what was not.

    A moved picture's change becomes the finding that its new label is right, so that the next review does not ask
    again.
    """
    wanted, earlier = {move.change for move in made.moves}, list[Move]()
    for move in moved(folder):
        if move.change not in wanted:
            earlier.append(move)
        elif _was_begun(move):
            move.target.unlink()
    # Noted before it happens: whatever interrupts this, the list knows where each file is.
    _note(folder, [*earlier, *made.moves])
    done, left = list(made.done), []
    for move in made.moves:
        try:
            _rename(move.source, move.target)
            done.append(move)
        except OSError as error:
            left.append(f"{move.change.file}: {error.strerror or error}")
    changes = read_changes(folder)
    for move in done:
        changes.pop(move.change.key, None)
        if subject.root and move.target.is_relative_to(subject.root):
            name, to = str(move.target.relative_to(subject.root)), move.change.to
            found = Change(name, to, to, move.change.when)
            changes[found.key] = found
    write_changes(folder, changes.values())
    failed = {move.change for move in made.moves} - {move.change for move in done}
    _note(folder, [*earlier, *(move for move in made.moves if move.change not in failed)])
    return done, left


def undo(subject_root: Path, folder: Path) -> tuple[list[Move], list[str]]:
    """Move all files back that ``apply`` moved, and restore their changes; return also a line for each that stays."""
    changes, back, left, kept = read_changes(folder), list[Move](), list[str](), list[Move]()
    inside = [os.path.realpath(path) for path in (subject_root, folder)]
    for move in reversed(moved(folder)):
        # Of two files with these names, an empty one is a name that an interrupted run made.
        if _was_begun(move):
            move.target.unlink()
        elif _was_begun(move._replace(source=move.target, target=move.source)):
            move.source.unlink()
        if move.source.exists() and not move.target.exists():
            # An interrupted run never came to it.
            continue
        kept.append(move)
        if move.source.exists():
            left.append(f"{move.target}: there is a file at {move.source} again")
        elif not move.target.is_file():
            left.append(f"{move.target}: it is no longer there")
        elif not any(Path(os.path.realpath(move.target)).is_relative_to(path) for path in inside):
            left.append(f"{move.target}: it is not in {subject_root}")
        else:
            _rename(move.target, move.source)
            kept.pop()
            back.append(move)
            if move.target.is_relative_to(os.path.abspath(subject_root)):  # noqa: PTH100
                name = os.path.relpath(move.target, subject_root)
                changes.pop((False, name), None)
            changes[move.change.key] = move.change
    write_changes(folder, changes.values())
    _note(folder, kept[::-1])
    return back, left


def moved(folder: Path) -> list[Move]:
    """Read what was moved, in order."""
    rows = read_rows(folder / FILE_NAME, _MOVED)
    return [Move(Change(*row[: len(COLUMNS)]), Path(row[-2]), Path(row[-1])) for row in rows]


def _obstacle(change: Change, above: Path | None, known: dict[str, tuple[str, str]], classes: tuple[str, ...]) -> str:
    """Return why a change cannot be made; nothing if it can."""
    if above is None:
        return "it was unlabeled; name the folder that it is in"
    if change.to and change.to not in classes:
        return f"there is no class {change.to!r}"
    if change.label:
        name, label = known.get(change.file, (change.file, ""))
        if label != change.label:
            return f"there is no such picture with the label {change.label!r}"
        if name != change.file:
            return "its name cannot be printed; rename the file"
    source = above / change.file
    if source.is_symlink() or not source.is_file():
        return "it is a link" if source.is_symlink() else "there is no such file"
    if not Path(os.path.realpath(source)).is_relative_to(os.path.realpath(above)):
        return f"it is not in {above}"
    return ""


def _was_begun(move: Move) -> bool:
    """Return whether a run was interrupted when it had made the target's name, but not moved the file to it."""
    return move.source.exists() and move.target.is_file() and move.target.stat().st_size == 0


def _is_free(path: Path, former: Move | None) -> bool:
    own = former is not None and former.target == Path(os.path.abspath(path)) and _was_begun(former)  # noqa: PTH100
    return own or not os.path.lexists(path)


def _names(path: Path) -> Iterator[Path]:
    """Yield a path and others like it: 3.png, 3-2.png, 3-3.png."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def _plain(path: Path) -> str:
    """Return what some file systems take for the same path."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _rename(source: Path, target: Path) -> None:
    """Move a file to a path where there is none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Whoever makes the file is the only one who may replace it.
    target.open("xb").close()
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            target.unlink()
            raise
        # From one disk to another.
        shutil.copy2(source, target)
        source.unlink()


def _note(folder: Path, moves: Iterable[Move]) -> None:
    paths = ((move.change, os.path.abspath(move.source), os.path.abspath(move.target)) for move in moves)  # noqa: PTH100
    rows = ((*change, source, target) for change, source, target in paths)
    atomic.write_files(folder, {FILE_NAME: table(_MOVED, rows)})
