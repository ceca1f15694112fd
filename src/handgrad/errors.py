"""Every error that handgrad raises on purpose.

::

    HandgradError                 base of all, for callers to catch
    ├── InputError                an argument is wrong (also a ValueError)
    │   ├── ArchitectureError     sizes that do not fit together
    │   ├── DataError             a source of images that cannot be read or used
    │   ├── ModelFileError        a file that is not a readable handgrad model
    │   ├── CheckpointError       a file that is not a valid checkpoint
    │   └── NotFiniteError        numbers so large that a result is infinite or not a number
    ├── DivergenceError           training produced a loss that is not a number
    ├── ClusterError              a cluster could not do its work
    ├── OutputError               a result could not be written
    │   └── FolderLostError       the folder of a training was removed or replaced while it ran
    └── Interrupted               Ctrl-C ended a training, which can be resumed

``HandgradWarning``, a ``UserWarning``, is the category of its warnings.
"""

from __future__ import annotations

from pathlib import PurePath

from handgrad.text import LONGEST, shown


class HandgradError(Exception):
    """Base of every error of this package; its text is one printable line, whatever the names in it."""

    def __str__(self) -> str:
        return _line(self._text(), 4 * LONGEST)

    def _text(self) -> str:
        return super().__str__()


class InputError(HandgradError, ValueError):
    """An argument, or a file, has a value that breaks a rule; the remedy is what to do instead.

    Examples
    --------
    >>> print(InputError("batch_size", 0, "must be at least 1", "use e.g. 128"))
    batch_size=0: must be at least 1; use e.g. 128
    """

    def __init__(self, argument: str, value: object, rule: str, remedy: str) -> None:
        # Exception gets all of them, so that the error can be pickled and sent to another process.
        super().__init__(argument, value, rule, remedy)
        self.argument, self.value, self.rule, self.remedy = argument, value, rule, remedy

    def _text(self) -> str:
        value = shown(self.value) if isinstance(self.value, str | PurePath) else _line(self.value)
        return f"{self.argument}={value}: {_line(self.rule)}; {_line(self.remedy)}"


class ArchitectureError(InputError):
    """Sizes of a network that do not fit together."""


class DataError(InputError):
    """A source of images that cannot be read or used."""


class ModelFileError(InputError):
    """A file that is not a readable handgrad model."""


class CheckpointError(InputError):
    """A file that is not a valid checkpoint of a training."""


class NotFiniteError(InputError):
    """Numbers so large that a result is infinite or not a number."""


class DivergenceError(HandgradError):
    """Training produced a loss that is not a finite number, at a step that is counted from 1."""

    def __init__(self, step: int, loss: float, learning_rate: float) -> None:
        super().__init__(step, loss, learning_rate)
        self.step, self.loss, self.learning_rate = step, loss, learning_rate

    def _text(self) -> str:
        return (
            f"loss={self.loss} at step {self.step}: the loss must stay finite; try a smaller learning rate than "
            f"{self.learning_rate:.3g}, e.g. {self.learning_rate / 10:.1g}"
        )


class ClusterError(HandgradError):
    """A cluster could not do its work."""


class OutputError(HandgradError):
    """A result could not be written to a path, for the reason that the system gives."""

    def __init__(self, path: object, reason: str, remedy: str = "choose a writable folder on a disk with room") -> None:
        super().__init__(path, reason, remedy)
        self.path, self.reason, self.remedy = path, reason, remedy

    def _text(self) -> str:
        return f"path={shown(self.path)}: cannot be written ({_line(self.reason)}); {_line(self.remedy)}"


class FolderLostError(OutputError):
    """The folder of a training is gone, or another has its name; nothing is written there."""


class Interrupted(HandgradError):
    """Ctrl-C ended a training, which can be resumed from its checkpoint."""


class HandgradWarning(UserWarning):
    """Something differs from what the caller may expect, and the work continues."""

    def __str__(self) -> str:
        return _line(super().__str__(), 4 * LONGEST)


def _line(value: object, longest: int = LONGEST) -> str:
    """Return what may have line breaks of its own, such as another library's message or an array, as one line."""
    try:
        text = str(value)
    except (ValueError, RecursionError):
        return shown(value)
    return shown(" ".join(text.splitlines()), longest)
