"""Drawn folders, each compared with what a model says must be read, or with one line that says what was not."""

from __future__ import annotations

import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from handgrad.data import read
from handgrad.errors import HandgradError
from tools.reliability.trial import Outcome

SECTION = "Folders and options"
TITLE = (
    "Drawn folders (splits in eight languages, wrappers, links, loops, loose pictures, empty and doubled classes, "
    "clutter): each class and split has exactly the pictures that a model of the folder expects; every deviation is "
    "told in one line, and refused if strict"
)
FOUND = (
    "`Training` and `Testing` were classes; pictures beside class folders, in linked folders and in folders beside the "
    "splits were left out without a word; two spellings of one name in Unicode were two classes. Now they are read as "
    "meant, or told with a count; `--strict` makes each an error."
)
FOLDERS = 1500

_TRAIN = (
    "train",
    "Training",
    "TRAIN",
    "train_set",
    "Trainingsdaten",
    "Entraînement",
    "entrenamiento",
    "treino",
    "训练集",
)
_TEST = ("test", "Testing", "test_set", "Testdaten", "essai", "prueba", "prova", "teste", "测试集")
_NAMES = ("cat", "dog", "10", "9", "café", "ß", "naïve art", "鳥", "x.y")
_CLUTTER = (".DS_Store", "Thumbs.db", "._x.png", "__MACOSX/x.png", ".git/x.png", "@eaDir/y.png", "desktop.ini")

Expected = dict[str, Counter[str]]


class _Drawn:
    """One folder, written picture by picture, and what must be read from it."""

    def __init__(self, root: Path, rng: np.random.Generator) -> None:
        self.root, self.rng, self.pictures = root, rng, 0
        self.expected: Expected = {}
        self.told: list[str] = []

    def write(self) -> None:
        """Draw everything."""
        rng = self.rng
        at = self.root / "archive" / "photos" if rng.random() < 0.2 else self.root
        names = list(rng.choice(_NAMES, size=int(rng.integers(2, 5)), replace=False))
        if rng.random() < 0.4:
            above = {"train": at / rng.choice(_TRAIN), "test": at / rng.choice(_TEST)}
        else:
            above = {"train": at}
        for split, folder in above.items():
            self.expected[split] = Counter()
            for name in names:
                spelled = unicodedata.normalize(rng.choice(["NFC", "NFD"]), name)
                self._class(split, folder / spelled, unicodedata.normalize("NFC", name))
        for oddity in rng.permutation(["loose", "empty", "doubled", "beside", "loop", "clutter", "case"])[:2]:
            getattr(self, f"_{oddity}")(at, above, names)

    def _picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.pictures += 1
        pixels = np.random.default_rng(self.pictures).integers(0, 256, (3, 3), np.uint8)
        Image.fromarray(pixels).save(path)

    def _class(self, split: str, folder: Path, name: str) -> None:
        for number in range(int(self.rng.integers(1, 4))):
            self._picture(folder / f"{number}.png")
            self.expected[split][name] += 1
        if self.rng.random() < 0.2:
            self._picture(folder / "more" / "deep" / "0.png")
            self.expected[split][name] += 1
        if self.rng.random() < 0.2:
            outside = self.root.parent / f"{self.root.name} elsewhere" / str(self.pictures)
            self._picture(outside / "0.png")
            (folder / "linked").symlink_to(outside, target_is_directory=True)
            self.expected[split][name] += 1

    def _loose(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        self._picture(above["train"] / "loose.png")
        self.told.append("1 picture outside the class folders")

    def _empty(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        (above["train"] / "nothing yet").mkdir()
        self.told.append("empty and no class (nothing yet)")

    def _doubled(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        if "café" in names:
            for form in ("NFC", "NFD"):
                self._picture(above["train"] / unicodedata.normalize(form, "café") / "twin.png")
            self.expected["train"]["café"] += 2
            self.told.append("whose names look the same (café)")

    def _beside(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        if "test" in above:
            self._picture(at / "leftovers" / "0.png")
            self.told.append("1 folder beside the splits not used (leftovers)")

    def _loop(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        (above["train"] / "loop").symlink_to(self.root, target_is_directory=True)
        self.told.append("1 link to a folder above")

    def _case(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        if "cat" in names and "test" not in above:
            self._picture(above["train"] / "Cat" / "0.png")
            self.expected["train"]["Cat"] += 1
            self.told.append("1 pair of class names")

    def _clutter(self, at: Path, above: dict[str, Path], names: list[str]) -> None:
        for name in _CLUTTER:
            path = above["train"] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"clutter")
        (at / "README.md").write_text("about")


def _held(drawn: _Drawn) -> bool:
    splits = read(str(drawn.root))
    found = {split: Counter(splits.classes[label] for label in samples.labels) for split, samples in splits.own.items()}
    told = all(sum(line in notice for notice in splits.notices) == 1 for line in drawn.told)
    others = [
        line for line in splits.notices if "looked for" not in line and not any(told in line for told in drawn.told)
    ]
    try:
        read(str(drawn.root), strict=True)
        strict = not drawn.told
    except HandgradError:
        strict = bool(drawn.told)
    return found == drawn.expected and told and not others and strict


def trial(folder: Path) -> Outcome:
    """Draw folders and read each of them."""
    held = 0
    for seed in range(FOLDERS):
        drawn = _Drawn(folder / str(seed), np.random.default_rng(seed))
        drawn.write()
        held += _held(drawn)
        for path in (drawn.root, drawn.root.parent / f"{drawn.root.name} elsewhere"):
            shutil.rmtree(path, ignore_errors=True)
    return Outcome(FOLDERS, held)
