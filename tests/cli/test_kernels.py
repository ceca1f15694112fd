"""Compilation is reported: by a bar with each kernel on a terminal, else by one line; not where nothing is compiled."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.cli import display, kernels
from handgrad.engine import NotesEngine
from handgrad.fused.compilation import Compilation
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization


class Compiling(NotesEngine):
    """An engine that reports a given compilation."""

    def __init__(self, compiled: Compilation | None, failure: BaseException | None = None) -> None:
        super().__init__(Standardization((0.0,), (1.0,)))
        self.compiled, self.failure = compiled, failure

    def prepare(self, *_: Any, **options: Any) -> Compilation | None:
        if self.compiled:
            for done, name in enumerate(("predict", "pool", "softmax")):
                options["compiling"](name, done, 3)
        if self.failure:
            raise self.failure
        return self.compiled


def prepare(compiled: Compilation | None, failure: BaseException | None = None) -> None:
    kernels.prepare(Compiling(compiled, failure), Parameters.zeros(Architecture(input_shape=(6, 6, 1))), np.uint8)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    screen = io.StringIO()
    console = display._Console(file=screen, force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(display, "stderr", console)
    return screen


def test_one_plain_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    prepare(Compilation(seconds=3.0))
    assert capsys.readouterr() == ("", "handgrad: compiling kernels, once; this takes about a quarter of a minute\n")


def test_a_bar_that_names_each_kernel_and_a_line_that_stays_on_a_terminal(terminal: io.StringIO) -> None:
    prepare(Compilation(seconds=3.0))
    shown = terminal.getvalue()
    assert "Compiling kernels, once: softmax" in shown
    assert "2/3" in shown
    assert "0:00:00" in shown
    assert shown.splitlines()[-1].endswith("compiled kernels, once, 3 s")


@pytest.mark.parametrize("on", ["terminal", "capsys"])
def test_nothing_where_nothing_is_compiled(on: str, request: pytest.FixtureRequest) -> None:
    seen = request.getfixturevalue(on)
    prepare(None)
    assert (seen.getvalue() if on == "terminal" else seen.readouterr().err) == ""


def test_a_remedy_where_kernels_cannot_be_kept(capsys: pytest.CaptureFixture[str]) -> None:
    prepare(Compilation(seconds=3.0, kept=False))
    _, second = capsys.readouterr().err.splitlines()
    assert second == (
        "handgrad: the kernels could not be kept, so every run compiles them; set NUMBA_CACHE_DIR to a folder with room"
    )


def test_the_bar_stops_when_the_work_fails(terminal: io.StringIO) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare(Compilation(), KeyboardInterrupt())
    assert "compiled kernels" not in terminal.getvalue()
    with display.counting("Another bar"):
        pass
