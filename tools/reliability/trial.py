"""What a trial is: a module beside this one that attacks one thing and counts what held."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

_PACKAGE = Path(__file__).parent
_RESULTS = _PACKAGE / "results"
_NO_TRIALS = ("trial",)


@dataclass(frozen=True)
class Outcome:
    """What a trial counted.

    Parameters
    ----------
    tried, held : int
        Number of attempts, and how many of them ended as they should.
    measured : str
        Seconds, memory or whatever else is worth saying; a short phrase, or empty.
    """

    tried: int
    held: int
    measured: str = ""


@dataclass(frozen=True)
class Trial:
    """A module with ``SECTION``, ``TITLE``, ``FOUND`` and a function ``trial(folder)`` that returns an Outcome.

    ``SECTION`` is a heading of docs/reliability.md; ``TITLE`` says what is tried and what should happen; ``FOUND``
    says what fell the first time and how it was mended, or is empty. ``folder`` is an empty folder to work in.
    """

    name: str
    module: Any

    def run(self, folder: Path) -> Outcome:
        """Attack, and keep what was counted beside the trial."""
        outcome: Outcome = self.module.trial(folder)
        _RESULTS.mkdir(exist_ok=True)
        (_RESULTS / f"{self.name}.json").write_text(json.dumps(asdict(outcome), indent=2) + "\n")
        return outcome

    def last(self) -> Outcome | None:
        """Return what the last run counted; None if there was none."""
        path = _RESULTS / f"{self.name}.json"
        return Outcome(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def trials() -> list[Trial]:
    """Find all trials, by name."""
    names = sorted(module.name for module in iter_modules([str(_PACKAGE)]) if not module.name.startswith("_"))
    return [Trial(name, import_module(f"tools.reliability.{name}")) for name in names if name not in _NO_TRIALS]
