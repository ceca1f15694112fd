"""``python -m tools.reliability [NAME …]``: run the trials, or all of them, and write ``docs/reliability.md``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import Any

from tools import documents
from tools.reliability.trial import Outcome, trials

DOCUMENT = "reliability.md"


def main() -> int:
    """Run trials and return 1 if anything fell."""
    known = {trial.name: trial for trial in trials()}
    parser = argparse.ArgumentParser(prog="python -m tools.reliability", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--document", action="store_true", help=f"only write docs/{DOCUMENT} from the last results")
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no trial is named {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    fell = 0
    for name in () if options.document else options.names or known:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            outcome = known[name].run(Path(folder))
        fell += outcome.tried - outcome.held
        print(f"{name:<24}{outcome.held:>9,} of {outcome.tried:,} held  {time.perf_counter() - started:.0f} s")
    write_document()
    return int(fell > 0)


def write_document() -> None:
    """Write the document from the results that each trial's last run left."""
    rows = sorted(((trial.module, trial.last()) for trial in trials()), key=lambda row: str(row[0].SECTION))
    documents.write(
        DOCUMENT,
        sections={
            section: [(_title(module), *_shown(outcome)) for module, outcome in each]
            for section, each in groupby(rows, key=lambda row: str(row[0].SECTION))
        },
        found=[(_title(module), _sentence(module.FOUND)) for module, _ in rows if module.FOUND],
    )


def _title(module: Any) -> str:
    return _sentence(module.TITLE).removesuffix(".")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _shown(outcome: Outcome | None) -> tuple[str, str, str]:
    return (
        ("–", "–", "not run yet") if outcome is None else (f"{outcome.tried:,}", f"{outcome.held:,}", outcome.measured)
    )


if __name__ == "__main__":
    sys.exit(main())
