"""``python -m tools.fuzz``: fuzz every reader; ``--document`` writes ``docs/robustness.md`` from the last runs."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from importlib.metadata import version
from typing import Any

from tools import ROOT, documents

_FOLDER = ROOT / "runs" / "fuzz"
DOCUMENT = "robustness.md"
READERS = {
    "idx": "IDX files, plain and gzip",
    "npz": "NumPy archives (`.npz`)",
    "picture": "pictures: any file, and what is uploaded to the page",
    "model": "model files",
    "checkpoint": "checkpoints",
    "names": "names of classes and files, and what a model says of itself, in all that is written of them",
}


def main() -> int:
    """Fuzz the readers and return 1 if an input crashed one."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--readers", nargs="*", default=list(READERS), help="or none, for the document alone")
    parser.add_argument("--document", action="store_true", help=f"write docs/{DOCUMENT}")
    options = parser.parse_args()
    rows = {name: fuzz(name, options.seconds) for name in options.readers}
    if options.document:
        write_document({name: json.loads((_FOLDER / name / "run.json").read_text()) for name in READERS})
        print(f"written to docs/{DOCUMENT}")
    return int(any(row["crashes"] for row in rows.values()))


def fuzz(name: str, seconds: int) -> dict[str, Any]:
    """Fuzz one reader in a process of its own and return its figures."""
    folder = _FOLDER / name
    for old in (folder / "crashes").glob("*"):
        old.unlink()
    print(f"{name:<11}", end="", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz.process", name, str(seconds), str(folder)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace", check=False,
    )  # fmt: skip
    figures: dict[str, Any] = json.loads((folder / "figures.json").read_text())
    # Whatever ends the whole process (a signal, memory, a hang) cannot be counted as an exception.
    crashes = max(figures["crashes"], len(list((folder / "crashes").iterdir())), int(done.returncode != 0))
    covered = [line.split("cov: ")[1].split()[0] for line in done.stderr.splitlines() if " cov: " in line]
    figures |= {"seconds": seconds, "crashes": crashes, "covered": int(covered[-1]) if covered else 0}
    (folder / "run.json").write_text(json.dumps(figures))
    print(
        f"{figures['inputs']:>10,} inputs  {crashes} crashes  {figures['covered']:,} branches  "
        f"{figures['peak'] / 2**20:,.0f} MiB"
    )
    if crashes:
        print(f"the inputs are in {folder / 'crashes'}; {done.stderr[-3000:]}", file=sys.stderr)
    return figures


def write_document(figures: dict[str, dict[str, Any]]) -> None:
    """Write the document from the figures of every reader's last run."""
    keys = ("seconds", "inputs", "covered", "peak", "crashes")
    rows: list[tuple[object, ...]] = []
    for name, of in figures.items():
        seconds, inputs, covered, peak, crashes = (of[key] for key in keys)
        rows.append((READERS[name], seconds, f"{inputs:,}", f"{covered:,}", f"{peak / 2**20:,.0f} MiB", crashes))
    seconds, inputs, crashes = (sum(of[key] for of in figures.values()) for key in ("seconds", "inputs", "crashes"))
    rows.append(("together", seconds, f"{inputs:,}", "", "", crashes))
    versions = {"NumPy": "numpy", "Pillow": "pillow", "safetensors": "safetensors", "atheris": "atheris"}
    documents.write(
        DOCUMENT,
        rows=rows,
        versions={"Python": platform.python_version()} | {title: version(name) for title, name in versions.items()},
    )


if __name__ == "__main__":
    sys.exit(main())
