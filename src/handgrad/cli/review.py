"""``handgrad review``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from handgrad import engine as engines
from handgrad import model_file
from handgrad.cli import cache, display, kernels, options, serve
from handgrad.data.cache import Cache
from handgrad.data.source import short_name
from handgrad.errors import DataError, InputError, Interrupted
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.review import moves
from handgrad.review.changes import FILE_NAME, read_changes
from handgrad.review.decisions import NONE, Decisions, Item, doubted, worthwhile
from handgrad.review.doubt import doubts
from handgrad.review.folds import FOLDS, folds_of, judged
from handgrad.review.subject import Subject, folder_for, objects_in, read_subject
from handgrad.review.training import is_known, out_of_fold, plan_of
from handgrad.review.unlabeled import beside_the_classes, read_unlabeled, suggested
from handgrad.runs.folder import claimed

_Source = Annotated[
    str, typer.Argument(metavar="FOLDER", help="Pictures in class folders, or any other labeled images, as for train.")
]
_Unlabeled = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Pictures without labels; by default, those beside the class folders."),
]
_Count = Annotated[int, typer.Option(min=1, help="How many unlabeled pictures to suggest at most.")]
_Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the changes; by default, FOLDER-review.")]
_Folds = Annotated[int, typer.Option(min=2, help="Trainings, each without another part of the pictures.")]
_GroupBy = Annotated[
    str | None, typer.Option(metavar="PATTERN", help="Keep the pictures of one object in one part, as for train.")
]
_Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")]
_PANEL = "After the review"
_Apply = Annotated[bool, typer.Option("--apply", help="Move the files as changes.csv says.", rich_help_panel=_PANEL)]
_Undo = Annotated[bool, typer.Option("--undo", help="Move them back.", rich_help_panel=_PANEL)]


def review(
    context: typer.Context,
    model_path: options.ModelPath,
    source: _Source,
    unlabeled: _Unlabeled = None,
    count: _Count = 60,
    out: _Out = None,
    apply: _Apply = False,
    undo: _Undo = False,
    folds: _Folds = FOLDS,
    group_by: _GroupBy = None,
    port: _Port = 8765,
    json: options.Json = False,
    strict: options.Strict = False,
    engine: options.Engine = engines.ENGINES[0],
    threads: options.Threads = None,
    cache_folder: cache.Folder = None,
    no_cache: cache.Without = False,
) -> None:
    """Show the pictures whose labels the model doubts on a page where one click relabels, and what to label next.

    The network of MODEL is trained again without each part of the pictures in turn, and judges that part. What you
    decide is written to changes.csv at once; files are moved only with --apply.
    """
    folder = out or folder_for(source)
    with ExitStack() as held:
        held.enter_context(claimed(folder, overwrite=True))
        if undo:
            _undo(source, folder)
            return
        taken = None if json or apply else held.enter_context(closing(serve.listening(port)))
        model, kept = model_file.load_for_pictures(model_path), cache.chosen(cache_folder, no_cache)
        with display.counting("Reading pictures") as progress:
            subject = read_subject(model, source, kept, strict=strict, progress=progress)
        for text in subject.notices:
            display.notice(text)
        if apply:
            _apply(subject, folder, _folder_of_the_unlabeled(subject, unlabeled))
            return
        asked = options.given(context, "count")
        # Before the trainings, so that what is wrong with it is told before the long work.
        new = _worthwhile(model, subject, unlabeled, kept, count, asked, engine, threads)
        items, expected = _doubted(model, subject, folder, folds, group_by, engine, threads)
        items += new
        if taken is None:
            display.print_json({"expected": expected, "items": [_record(item, subject.classes) for item in items]})
            return
        _show(Decisions(items, subject.classes, folder), subject, expected, taken)


def _doubted(
    model: Model, subject: Subject, folder: Path, folds: int, group_by: str | None, engine: str, threads: int | None
) -> tuple[list[Item], int]:
    """Return the doubted pictures, and about how many labels are wrong."""
    objects, notices = objects_in(subject, model, group_by)
    plan, more = plan_of(model, len(subject.classes), engine)
    samples, classes = subject.samples, subject.classes
    assigned = folds_of(samples, folds, plan.seed, objects)
    known = judged(samples.labels, assigned, len(classes))
    few = [name for name, enough in zip(classes, known, strict=True) if not enough]
    if few:
        more.append(f"the labels {', '.join(map(repr, few[:5]))} have too few pictures to be judged")
    for text in (*notices, *more):
        display.notice(text)
    if not is_known(samples, classes, assigned, plan, folder):
        computing = engines.create(engine, model.standardization, threads, plan.architecture)
        kernels.prepare(computing, Parameters.zeros(plan.architecture), samples.images.dtype, recipe=plan.recipe)
    try:
        with display.counting(f"Training without each of {folds} parts") as progress:
            probabilities = out_of_fold(samples, classes, assigned, plan, folder, threads=threads, progress=progress)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; what is trained is kept in {folder}, and the same command continues") from None
    found = doubts(probabilities, samples.labels, known)
    return doubted(subject, found, probabilities), found.expected


def _folder_of_the_unlabeled(subject: Subject, folder: Path | None) -> Path | None:
    return folder or subject.root


def _worthwhile(
    model: Model, subject: Subject, folder: Path | None, kept: Cache | None, count: int, asked: bool, engine: str,
    threads: int | None,
) -> list[Item]:  # fmt: skip
    """Return the unlabeled pictures to suggest."""
    paths = beside_the_classes(subject.root) if folder is None and subject.root else None
    root = folder or subject.root
    if root is None or paths == []:
        if asked:
            raise InputError("count", count, "there are no unlabeled pictures", "name their folder with --unlabeled")
        return []
    numbers = {name: number for number, name in enumerate(subject.classes)}
    if missing := [name for name in model.classes if name not in numbers]:
        rule = f"the model's class {missing[0]!r} is none of {subject.source}"
        raise InputError("unlabeled", root, rule, "leave it out, or train a model on these pictures first")
    with display.counting("Reading pictures without labels") as progress:
        pictures = read_unlabeled(model, root, paths, kept, progress)
    for text in pictures.notices:
        display.notice(text)
    computing = engines.create(engine, model.standardization, threads, model.architecture)
    kernels.prepare(computing, model.parameters, pictures.images.dtype)
    with display.counting("Looking at them") as progress:
        probabilities = model.predict(pictures.images, computing, progress=progress)
    chosen = suggested(model, pictures, subject.samples, probabilities, count)
    return worthwhile(pictures, chosen, probabilities, [numbers[name] for name in model.classes])


def _record(item: Item, classes: Sequence[str]) -> dict[str, Any]:
    label = None if item.label == NONE else classes[item.label]
    return {
        "file": item.name,
        "label": label,
        "probability_of_the_label": None if label is None else item.own,
        "class": classes[item.answer],
        "probability": item.probability,
    }


def _show(decisions: Decisions, subject: Subject, expected: int, taken: Any) -> None:
    from handgrad.review.server import application

    file = decisions.folder / FILE_NAME
    about = {"source": short_name(subject.source), "pictures": len(subject.samples), "expected": expected}
    doubted = sum(item.label != NONE for item in decisions.items)
    display.notice(f"{doubted:,} of {len(subject.samples):,} labels are doubted; about {expected:,} are probably wrong")
    try:
        with serve.ending_quietly():
            serve.show(partial(application, decisions, about), taken)
    finally:
        decided = decisions.changes()
        moving = sum(change.label != change.to for change in decided)
        if decided:
            then = "; --apply moves the files" if moving and subject.root else ""
            display.notice(f"{file} has {len(decided):,} decisions, {moving:,} of them changes{then}")


def _apply(subject: Subject, folder: Path, unlabeled: Path | None) -> None:
    made = moves.plan(subject, folder, unlabeled)
    done, left = moves.apply(made, subject, folder)
    _tell(done, [*made.left, *left], "moved")
    if made.right:
        display.say(f"{made.right:,} labels are right as they are")


def _undo(source: str, folder: Path) -> None:
    if not Path(source).is_dir():
        raise DataError("source", source, "it is no folder", "name the folder whose files were moved")
    done, left = moves.undo(Path(source), folder)
    _tell([move._replace(source=move.target, target=move.source) for move in done], left, "moved back")
    display.say(f"{len(read_changes(folder)):,} decisions are in {folder / FILE_NAME}")


def _tell(done: Sequence[moves.Move], left: Sequence[str], word: str) -> None:
    for move in done:
        display.say(f"{os.path.relpath(move.source)} → {os.path.relpath(move.target)}")
    display.say(f"{len(done):,} {'file' if len(done) == 1 else 'files'} {word}")
    for text in left:
        display.complain(f"not {word}: {text}")
    if left:
        raise typer.Exit(2)
