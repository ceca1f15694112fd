"""Reads a folder of 200,000 pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tools.reliability.trial import Outcome

SECTION = "Folders and options"
TITLE = "a folder of 200,000 pictures, read twice: all of them, the same each time"
FOUND = ""
COUNT = 200_000
_READ = """
import json, resource, sys, time
from pathlib import Path
from handgrad.data import load
from handgrad.data.cache import Cache
began = time.perf_counter()
dataset = load(sys.argv[1], cache=Cache(Path(sys.argv[2])))
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(map(len, dataset.splits.values()))
print(json.dumps({"count": count, "checksum": dataset.checksum(), "seconds": seconds, "mib": peak / 1024}))
"""


def trial(folder: Path) -> Outcome:
    """Write them, each with its number in its pixels, and read them in a process of its own."""
    root = folder / "photos"
    for label in range(10):
        (root / f"class {label}").mkdir(parents=True)
    for number in range(COUNT):
        pixels = np.unpackbits(np.array([number], ">u8").view(np.uint8)).reshape(8, 8) * np.uint8(255)
        Image.fromarray(pixels).save(root / f"class {number % 10}" / f"picture {number}.png", compress_level=0)
    first, second = (_read(root, folder / "cache") for _ in range(2))
    same = first["checksum"] == second["checksum"]
    held = int(min(first["count"], second["count"])) if same else 0
    words = [f"{run['seconds']:.0f} s and {run['mib']:.0f} MiB" for run in (first, second)]
    return Outcome(COUNT, held, f"{words[0]} the first time, {words[1]} the second")


def _read(root: Path, cache: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(root), str(cache)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
