"""What a run reports while it works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from handgrad.training import Epoch, Step
from handgrad.typing import Progress

if TYPE_CHECKING:
    from handgrad.runs.run import Run


class Observer:
    """Receives what a run reports, and ignores it; subclasses show it."""

    def notice(self, text: str) -> None:
        """Receive one line that a person should know."""

    def counting(self, description: str) -> AbstractContextManager[Progress | None]:
        """Return a context for work that reports (done, total)."""
        return nullcontext()

    def prepared(self, run: Run, folder: Path) -> None:
        """Receive the run and its folder before the first step."""

    def training(self) -> AbstractContextManager[Callable[[Step | Epoch], None]]:
        """Return a context for the loop, which is given every step and epoch."""
        return nullcontext(lambda event: None)
