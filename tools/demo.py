"""The main job from start to end: train on the embedded digits, then tell some of them apart."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

from PIL import Image

from handgrad.cli import run
from handgrad.data import load

OUT = Path("runs/demo")
SHOWN = 8


def main() -> int:
    started = time.perf_counter()
    code = shown("train", "digits", "--filters", "32,32", "--hidden", "128", "--out", str(OUT), "--overwrite")
    if code == 0:
        print()
        code = shown("predict", str(OUT), *map(str, save_pictures(OUT / "pictures")))
    if code == 0:
        print(f"\n{time.perf_counter() - started:.0f} s. Look at {OUT}/report.html.")
    return code


def shown(*arguments: str) -> int:
    """Run a command and show it as one would type it."""
    print("$", shlex.join(["handgrad", *arguments]), flush=True)
    return run(list(arguments))


def save_pictures(folder: Path) -> list[Path]:
    """Some digits of the test part, which the training has not seen, as PNG files named by what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    test = load("digits").test
    paths = [folder / f"{number}-is-a-{label}.png" for number, label in enumerate(test.labels[:SHOWN], start=1)]
    for path, image in zip(paths, test.images, strict=False):
        Image.fromarray(image[:, :, 0]).save(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
