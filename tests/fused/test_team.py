"""The threads: every share is done once, failures arrive, a busy team does not block."""

from __future__ import annotations

import threading

import pytest

from handgrad.errors import InputError
from handgrad.fused.team import Team, default_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_thread_does_its_share_once(threads: int) -> None:
    team = Team(threads)
    for _ in range(20):
        done: list[tuple[int, int]] = []
        team.run(lambda number, count, done=done: done.append((number, count)))  # type: ignore[misc]
        assert sorted(done) == [(number, threads) for number in range(threads)]


@pytest.mark.parametrize("culprit", [0, 1])
def test_a_failure_reaches_the_caller_and_the_team_goes_on(culprit: int) -> None:
    team = Team(2)

    def fail(number: int, threads: int) -> None:
        if number == culprit:
            raise ArithmeticError("of a share")

    with pytest.raises(ArithmeticError, match="of a share"):
        team.run(fail)
    done: list[int] = []
    team.run(lambda number, threads: done.append(number))
    assert sorted(done) == [0, 1]


def test_a_caller_who_finds_the_team_busy_does_it_all() -> None:
    team, outcome = Team(2), []

    def outer(number: int, threads: int) -> None:
        if number == 0:
            other = threading.Thread(target=team.run, args=(lambda n, count: outcome.append((n, count)),))
            other.start()
            other.join()

    team.run(outer)
    assert outcome == [(0, 1)]


def test_the_environment_sets_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDGRAD_NUM_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.delenv("HANDGRAD_NUM_THREADS")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    every = default_threads()
    assert every >= 1
    for share, expected in (("1", 1), (" 1,4", 1), ("9999", every), ("", every), ("0", every), ("many", every)):
        monkeypatch.setenv("OMP_NUM_THREADS", share)
        assert default_threads() == expected
    monkeypatch.setenv("HANDGRAD_NUM_THREADS", "3")
    assert default_threads() == 3


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HANDGRAD_NUM_THREADS", value)
    with pytest.raises(InputError, match="HANDGRAD_NUM_THREADS"):
        default_threads()


def test_the_threads_end_with_their_team() -> None:
    before = set(threading.enumerate())
    team = Team(3)
    team.run(lambda number, count: None)
    started = set(threading.enumerate()) - before
    assert len(started) == 2
    del team
    for thread in started:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in started)
