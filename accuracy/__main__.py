"""``python -m accuracy``: train every recipe and its peers, write ``results.json`` and ``docs/results.md``.

Every figure is kept as soon as it is measured: a run that was ended goes on with what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accuracy import document, objects
from accuracy.recipes import TASKS, Task
from handgrad import atomic
from handgrad.report.surroundings import machine, versions

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "accuracy" / "results.json"
DATA = Path(os.environ.get("HANDGRAD_DATA", ROOT.parent / "shared" / "data"))
PYTORCH = ROOT / ".venv-bench" / "bin" / "python"


def main() -> None:
    """Measure what is missing, then write the document."""
    options = _options()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() and not options.anew else {}
    runs = results.setdefault("runs", {})
    results |= {"machine": machine(), "versions": versions()}
    for task, contestant, seed in planned(options):
        key = f"{task.name} | {contestant} | {seed}"
        if key not in runs:
            print(key, flush=True)
            runs[key] = run(task, contestant, seed, runs)
            atomic.write_files(RESULTS.parent, {RESULTS.name: (json.dumps(results, indent=1) + "\n").encode()})
    document.write(results, ROOT / "docs")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m accuracy", description=__doc__)
    parser.add_argument("--report-only", action="store_true", help="write the document from what was measured")
    parser.add_argument("--anew", action="store_true", help="forget what was measured before")
    parser.add_argument("--only", default="", help="the beginning of the tasks' names")
    parser.add_argument("--contestants", help="those to measure, comma between; all if left out")
    return parser.parse_args()


def planned(options: argparse.Namespace) -> Iterator[tuple[Task, str, int]]:
    """Every training: seed by seed, so that an early end leaves some of each; contestants by turns."""
    if options.report_only:
        return
    for seed in range(max(task.seeds for task in TASKS)):
        for task in TASKS:
            for contestant in task.contestants:
                wanted = not options.contestants or contestant in options.contestants.split(",")
                if seed < task.seeds and wanted and task.name.startswith(options.only):
                    yield task, contestant, seed


def run(task: Task, contestant: str, seed: int, runs: dict[str, Any]) -> dict[str, Any]:
    """One training and its test."""
    with tempfile.TemporaryDirectory() as name:
        source, folder = DATA / task.source, Path(name)
        if task.grouped:
            objects.write(source, folder / "objects.csv")
        group_by = str(folder / "objects.csv") if task.grouped else None
        if contestant == "handgrad":
            return handgrad(task, source, group_by, seed, folder / "out")
        # Architecture and recipe as handgrad had them.
        spec = runs[f"{task.name} | handgrad | {seed}"]["spec"]
        given = json.dumps({**spec, "source": str(source), "group_by": group_by, "seed": seed})
        if contestant == "PyTorch":
            return json.loads(_output(PYTORCH, "-m", "accuracy.pytorch", given))
        return json.loads(_output(sys.executable, "-m", "accuracy.scikit_learn", given, contestant))


def handgrad(task: Task, source: Path, group_by: str | None, seed: int, out: Path) -> dict[str, Any]:
    """``handgrad train``, as anybody would call it, and what its report says."""
    grouping = ("--group-by", group_by) if group_by else ()
    words = (str(source), *task.options.split(), *grouping, "--seed", str(seed), "--out", str(out))
    _output(sys.executable, "-m", "handgrad", "train", *words)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    predicted = [sum(row[column] for row in report["confusion_matrix"]) for column in range(len(report["classes"]))]
    return {
        **{name: report[name] for name in ("seconds", "train_accuracy", "test_accuracy", "test_balanced_accuracy")},
        "classes_predicted": sum(count > 0 for count in predicted),
        "parameters": report["parameters"],
        "spec": {name: report[name] for name in ("architecture", "recipe")},
    }


def _output(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
