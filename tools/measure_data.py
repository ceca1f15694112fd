"""Measure the cost of data of any size and write docs/data.md: ``python -m tools.measure_data``.

It makes 100,000 images of 100 × 100 × 3 in a temporary folder (half a gigabyte, and three more when they are decoded),
and reads MNIST and the magnetic tiles from ``HANDGRAD_DATA``, or ``shared/data`` beside the repository.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.progress import track
from threadpoolctl import threadpool_limits

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.data import SOURCES, load
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.training import Recipe, Step, train
from handgrad.training.augmentation import AUGMENTATIONS
from tools import DATA, documents

COUNTS = (10_000, 30_000, 100_000)
CLASSES = 10
SIDE = 100
NETWORK = ("--filters", "4,4", "--pooling", "4", "--hidden", "16", "--epochs", "1", "--batch-size", "128")
STEPS = 400
MIB = 2**20


def main() -> None:
    """Measure memory and waiting, and write the document."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "all", max(COUNTS))
        # Once in advance, so that no training below compiles kernels.
        memory_row(folder, 300)
        rows = [memory_row(folder, count) for count in track(COUNTS, "Training")]
    with threadpool_limits(1, user_api="blas"):
        waits = list(wait_rows())
    write_document(rows, waits)


def make_pictures(root: Path, count: int) -> None:
    """Make distinct images in class folders; the class determines the brightness of one corner."""
    rng = np.random.default_rng(0)
    scenes = rng.integers(40, 216, (97, 7, 7, 3), np.uint8)
    for label in range(CLASSES):
        (root / f"class {label}").mkdir(parents=True)

    def make(number: int) -> None:
        scene = Image.fromarray(scenes[number % len(scenes)]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = np.array(scene)
        pixels[:20, :20] = 25 * (number % CLASSES)
        # Its number in black and white cells, so that no two images are equal.
        pixels[80:, :80] = np.repeat([255 * (number >> bit & 1) for bit in range(20)], 4)[:, np.newaxis]
        Image.fromarray(pixels).save(root / f"class {number % CLASSES}" / f"{number:06}.jpg", quality=85)

    with ThreadPoolExecutor() as pool:
        for _ in track(pool.map(make, range(count)), "Making pictures", count):
            pass


def memory_row(folder: Path, count: int) -> dict[str, Any]:
    """Train on some of the images twice: the first run decodes them, the second does not."""
    root = folder / f"{count}"
    for number in range(count):
        path = Path(f"class {number % CLASSES}", f"{number:06}.jpg")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).hardlink_to(folder / "all" / path)
    cache = folder / "cache"
    runs = [watched_training(root, cache, folder / f"out-{count}-{run}") for run in ("first", "second")]
    for file in cache.iterdir():
        file.unlink()
    return {"count": count, "bytes": count * SIDE * SIDE * 3, "first": runs[0], "second": runs[1]}


def watched_training(root: Path, cache: Path, out: Path) -> dict[str, float]:
    """Return a training's peaks of memory, and its seconds until the first line of output and in total."""
    command = [sys.executable, "-m", "handgrad", "train", str(root), "--cache", str(cache), "--out", str(out), *NETWORK]
    started = time.perf_counter()
    with open(f"{out}.log", "w+") as log:  # noqa: PTH123
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        peaks, read = {"RssAnon": 0, "VmHWM": 0}, 0.0
        while process.poll() is None:
            for name, value in memory_of(process.pid).items():
                peaks[name] = max(peaks[name], value)
            if not read and os.stat(log.name).st_size:  # noqa: PTH116
                read = time.perf_counter() - started
            time.sleep(0.01)
        log.seek(0)
        assert process.returncode == 0, log.read()
    return {
        "anonymous": peaks["RssAnon"] * 1024,
        "resident": peaks["VmHWM"] * 1024,
        "read": read,
        "seconds": time.perf_counter() - started,
    }


def memory_of(pid: int) -> dict[str, int]:
    """Return KiB of anonymous memory now, and the peak of resident memory so far, including mapped files."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    named = (line.partition(":") for line in lines)
    return {name: int(rest.split()[0]) for name, _, rest in named if name in ("RssAnon", "VmHWM")}


def wait_rows() -> Iterator[dict[str, Any]]:
    """Measure how long the steps of a training wait for their images."""
    for source in ("mnist", "magnetic-tile"):
        if not (DATA / source).is_dir():
            continue
        dataset = load(str(DATA / source))
        architecture = Architecture(
            input_shape=dataset.image_shape, classes=len(dataset.classes), stages=((16, 16),), hidden=(64,)
        )
        engine = engines.create("fused", dataset.standardization())
        for augment in ((), AUGMENTATIONS):
            # The first round compiles.
            for steps in (5, STEPS):
                parameters = Parameters.draw(architecture, np.random.default_rng(0))
                model = Model(parameters, dataset.classes, dataset.standardization())
                recipe = Recipe(epochs=40, batch_size=128, augment=augment)
                events = train(model, dataset.train, dataset.validation[:64], recipe, engine, 0)
                taken = list(itertools.islice((event for event in events if isinstance(event, Step)), steps))
            waiting = [step.waiting for step in taken]
            yield {
                "source": source,
                "augment": ", ".join(augment) or "none",
                "step": taken[-1].seconds / len(taken),
                "median": float(np.median(waiting)),
                "share": sum(waiting) / taken[-1].seconds,
            }


def write_document(rows: list[dict[str, Any]], waits: list[dict[str, Any]]) -> None:
    """Write docs/data.md."""
    few, many = rows[0], rows[-1]
    memory = []
    for row in rows:
        peaks = [row[run][kind] for kind in ("anonymous", "resident") for run in ("first", "second")]
        memory.append((f"{row['count']:,}", *(f"{of / MIB:,.0f} MiB" for of in (row["bytes"], *peaks))))
    documents.write(
        "data.md",
        sources=[(kind.name, kind.help) for kind in SOURCES],
        options=" ".join(NETWORK),
        side=SIDE,
        memory=memory,
        few=few["count"],
        many=many["count"],
        growth=(many["second"]["anonymous"] - few["second"]["anonymous"]) / (many["count"] - few["count"]),
        starts=[(f"{row['count']:,}", *(f"{row[run]['read']:,.1f} s" for run in ("first", "second"))) for row in rows],
        steps=STEPS,
        waits=[
            (
                wait["source"],
                wait["augment"],
                f"{1e3 * wait['step']:.2f} ms",
                f"{1e6 * wait['median']:.0f} µs",
                f"{wait['share']:.2%}",
            )
            for wait in waits
        ],
    )


if __name__ == "__main__":
    main()
