"""The folder beside a results file, which says what its answers are of, so that the same command continues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from handgrad import atomic, model_file
from handgrad.answers.answering import Manner
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.runs.folder import claimed

MANIFEST = "manifest.json"
_VERSION = 2
_WORDS = {"model": "another model", "pictures": "other pictures"}


def beside(out: Path) -> Path:
    """Return the folder of a results file's state.

    >>> beside(Path("found/answers.csv")).name
    'answers.csv.state'
    """
    return out.with_name(f"{out.name}.state")


def manifest_of(model: Model, manner: Manner, **more: Any) -> dict[str, Any]:
    """Return what decides the answers, as plain values."""
    digest = hashlib.sha256(model_file.to_bytes(model)).hexdigest()
    return {"version": _VERSION, "model": digest, **asdict(manner), **more}


def refuse_file(out: Path, overwrite: bool) -> None:
    """Raise an InputError if a results file is a folder, or exists, may not be replaced, and is not to be continued."""
    if out.is_dir():
        raise InputError("out", out, "is a folder", "name a file, e.g. answers.csv")
    if out.exists() and not overwrite and not (beside(out) / MANIFEST).exists():
        raise InputError("out", out, "already exists", "choose another path, or set overwrite=True")


@contextmanager
def kept(
    folder: Path, out: Path, manifest: Mapping[str, Any], parts: Callable[[], Iterable[Path]], overwrite: bool
) -> Iterator[None]:
    """Keep the folder of `out`'s state from other processes, and refuse it if its `parts` have another manifest.

    With `overwrite` those files are removed instead. Without any, the folder is as it was before if the block fails.
    """
    with claimed(folder, overwrite=True):
        # What a killed process was writing.
        atomic.remove_leftovers(folder, [MANIFEST])
        atomic.remove_leftovers(out.parent, [out.name])
        found = list(parts())
        if found and (refusal := _refusal(folder, out, manifest)):
            if not overwrite:
                raise refusal
            for path in found:
                path.unlink()
            found = []
        if not found:
            atomic.write_files(folder, {MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()})
        try:
            yield
        except BaseException:
            if not any(True for _ in parts()):
                (folder / MANIFEST).unlink(missing_ok=True)
            raise


def _refusal(folder: Path, out: Path, manifest: Mapping[str, Any]) -> InputError | None:
    refuse, remedy = partial(InputError, "out", out), "choose another path, or set overwrite=True"
    try:
        found = dict(json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        return refuse(f"holds answers without a valid {MANIFEST}", remedy)
    for name, value in manifest.items():
        if found.get(name) != value:
            changed = "" if name in _WORDS else f": {found.get(name)}, not {value}"
            return refuse(f"holds answers of {_WORDS.get(name, f'another {name}')}{changed}", remedy)
    return None
