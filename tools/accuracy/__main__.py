"""``python -m tools.accuracy``: train every recipe and its peers, write ``results.json`` and ``docs/results.md``.

Every figure is saved as soon as it is measured, so an interrupted run resumes with the missing ones.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from handgrad import atomic
from handgrad.report.surroundings import machine, versions
from tools import DATA, ROOT
from tools.accuracy import document, objects
from tools.accuracy.recipes import TASKS, Task, key_of

RESULTS = Path(__file__).with_name("results.json")
PYTORCH = ROOT / ".venv-bench" / "bin" / "python"


def main() -> None:
    """Measure what is missing, then write the document."""
    options = _options()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() and not options.again else {}
    runs = results.setdefault("runs", {})
    if not options.report_only:
        results |= {"machine": machine(), "versions": versions()}
    # One thread per training, as many trainings at once as there are cores: none waits for another's thread.
    with ThreadPoolExecutor(results["machine"]["cores"]) as pool:
        for trainings in [] if options.report_only else planned(options):
            missing = [each for each in trainings if key_of(*each) not in runs]
            started = {pool.submit(run, *each, runs): each for each in missing}
            for training in as_completed(started):
                runs[key_of(*started[training])] = training.result()
                print(key_of(*started[training]), flush=True)
                atomic.write_files(RESULTS.parent, {RESULTS.name: (json.dumps(results, indent=1) + "\n").encode()})
    document.write(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.accuracy", description=__doc__)
    parser.add_argument("--report-only", action="store_true", help="write the document from what was measured")
    parser.add_argument("--again", action="store_true", help="measure everything again")
    parser.add_argument("--only", default="", help="the beginning of the tasks' names")
    return parser.parse_args()


def planned(options: argparse.Namespace) -> Iterator[list[tuple[Task, str, int]]]:
    """Yield groups of trainings that may run at once: handgrad's, which the peers copy; then theirs, longest last."""
    chosen = [task for task in TASKS if task.name.startswith(options.only)]
    found: dict[str, dict[str, tuple[Task, str, int]]] = {"handgrad": {}, "scikit-learn": {}, "PyTorch": {}}
    for seed in range(max(task.seeds for task in TASKS)):
        for task in chosen:
            for contestant in task.contestants:
                # PyTorch takes 2 to 14 times as long as handgrad: one seed.
                if seed < (1 if contestant == "PyTorch" else task.seeds):
                    training = task, contestant, seed
                    found.get(contestant, found["scikit-learn"])[key_of(*training)] = training
    for trainings in found.values():
        yield list(trainings.values())


def run(task: Task, contestant: str, seed: int, runs: dict[str, Any]) -> dict[str, Any]:
    """Train and test once."""
    with tempfile.TemporaryDirectory() as name:
        source, folder = DATA / task.source, Path(name)
        if task.grouped:
            objects.write(source, folder / "objects.csv")
        group_by = str(folder / "objects.csv") if task.grouped else None
        if contestant == "handgrad":
            return handgrad(task, source, group_by, seed, folder / "out")
        # Architecture and recipe are handgrad's.
        spec = runs[key_of(task, "handgrad", seed)]["spec"]
        given = json.dumps({**spec, "source": str(source), "group_by": group_by, "seed": seed})
        if contestant == "PyTorch":
            return json.loads(_output(PYTORCH, "-m", "tools.accuracy.pytorch", given))
        return json.loads(_output(sys.executable, "-m", "tools.accuracy.scikit_learn", given, contestant))


def handgrad(task: Task, source: Path, group_by: str | None, seed: int, out: Path) -> dict[str, Any]:
    """Run ``handgrad train`` as a user would, and return the figures of its report."""
    grouping = ("--group-by", group_by) if group_by else ()
    words = (str(source), *task.options.split(), *grouping, "--seed", str(seed), "--out", str(out))
    _output(sys.executable, "-m", "handgrad", "train", *words)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    predicted = [sum(row[column] for row in report["confusion_matrix"]) for column in range(len(report["classes"]))]
    return {
        **{name: report[name] for name in ("seconds", "train_accuracy", "test_accuracy", "test_balanced_accuracy")},
        "most_frequent": report["test_accuracy_of_the_most_frequent_class"],
        "classes_predicted": sum(count > 0 for count in predicted),
        "parameters": report["parameters"],
        "spec": {name: report[name] for name in ("architecture", "recipe")},
    }


def _output(*command: str | Path) -> str:
    threads = dict.fromkeys(("HANDGRAD_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env=os.environ | threads, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
