"""From a cold process to a trained network: ``handgrad train`` and the same recipe in PyTorch."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tools import DATA
from tools.benchmarks import process

ACCURACY = 0.983


def measure(repeats: int) -> dict[str, Any]:
    """Measure seconds, peak memory and test accuracy of every run, alternating; or return ``{"absent": reason}``.

    Parameters
    ----------
    repeats : int
        Runs of each, after one to fill the caches.
    """
    source = DATA / "mnist"
    if not source.is_dir():
        return {"absent": "MNIST was not found: set HANDGRAD_DATA to a folder that has it in mnist/"}
    runs: dict[str, list[dict[str, Any]]] = {"handgrad": [], "PyTorch": []}
    _handgrad(source, "--epochs", "1")
    try:
        for _ in range(repeats):
            runs["handgrad"].append(_handgrad(source, "--epochs", "4"))
            runs["PyTorch"].append(_pytorch(source))
    except process.ProcessError as error:
        return {"absent": f"a run failed: {error}"}
    return {"accuracy": ACCURACY, "runs": runs}


def _handgrad(source: Path, *options: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as out:
        figures = process.run("-m", "handgrad", "train", str(source), "--out", out, *options)
        report = json.loads((Path(out) / "report.json").read_text())
    return {"seconds": figures["seconds"], "peak_bytes": figures["peak_bytes"], "accuracy": report["test_accuracy"]}


def _pytorch(source: Path) -> dict[str, Any]:
    figures = process.run(str(Path(__file__).with_name("cold_pytorch.py")), str(source))
    accuracy = json.loads(figures["output"])["test_accuracy"]
    return {"seconds": figures["seconds"], "peak_bytes": figures["peak_bytes"], "accuracy": accuracy}
