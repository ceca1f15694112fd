"""``make demo``: train on the embedded digits, then predict some of them."""

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
    """Train, predict, and say where the report is."""
    started = time.perf_counter()
    code = shown("train", "digits", "--filters", "32,32", "--hidden", "128", "--out", str(OUT), "--overwrite")
    if code == 0:
        print()
        code = shown("predict", str(OUT), *map(str, save_pictures(OUT / "pictures")))
    if code == 0:
        print(f"\n{time.perf_counter() - started:.0f} s. Look at {OUT}/report.html.")
    return code


def shown(*arguments: str) -> int:
    """Print a command as one would type it, and run it."""
    print("$", shlex.join(["handgrad", *arguments]), flush=True)
    return run(list(arguments))


def save_pictures(folder: Path) -> list[Path]:
    """Save some digits of the test split as PNG files that are named after their class."""
    folder.mkdir(parents=True, exist_ok=True)
    test = load("digits").test
    paths = [folder / f"{number}-is-a-{label}.png" for number, label in enumerate(test.labels[:SHOWN], start=1)]
    for path, image in zip(paths, test.images, strict=False):
        Image.fromarray(image[:, :, 0]).save(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
