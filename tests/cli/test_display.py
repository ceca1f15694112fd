"""What is told of a compilation: a clock on a terminal, one line elsewhere, nothing where nothing is compiled."""

from __future__ import annotations

import io

import pytest
from numba.core import event

from handgrad.cli import display
from handgrad.fused import cache


def compile_something() -> None:
    """What Numba says when it compiles."""
    for _ in range(2):
        with event.trigger_event("numba:compile"), event.trigger_event("numba:compile"):
            pass


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    screen = io.StringIO()
    console = display._Console(file=screen, force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(display, "stderr", console)
    return screen


def test_one_plain_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with display.compilation():
        compile_something()
    assert capsys.readouterr() == ("", "handgrad: compiling kernels, once; this takes about a quarter of a minute\n")


def test_a_clock_that_goes_and_a_line_that_stays_on_a_terminal(terminal: io.StringIO) -> None:
    with display.compilation():
        compile_something()
    shown = terminal.getvalue()
    assert "Compiling kernels, once; this takes about a quarter of a minute" in shown
    assert "0:00:00" in shown
    assert shown.splitlines()[-1].endswith("compiled kernels, once, 0 s")


@pytest.mark.parametrize("on", ["terminal", "capsys"])
def test_nothing_where_nothing_is_compiled(on: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(on)
    with display.compilation():
        pass
    assert (place.getvalue() if on == "terminal" else place.readouterr().err) == ""


def test_the_cure_where_kernels_cannot_be_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "unkept", list(cache.unkept))
    monkeypatch.setattr("handgrad.fused.compilation.unkept", cache.unkept)
    with display.compilation():
        compile_something()
        cache.unkept.append("kernel")
    _, second = capsys.readouterr().err.splitlines()
    assert second == (
        "handgrad: the kernels could not be kept, so every run compiles them; set NUMBA_CACHE_DIR to a folder with room"
    )


def test_the_clock_goes_when_the_work_fails(terminal: io.StringIO) -> None:
    @display.compilation()
    def interrupted() -> None:
        compile_something()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "compiled kernels" not in terminal.getvalue()
    with display.counting("Another bar"):
        pass
