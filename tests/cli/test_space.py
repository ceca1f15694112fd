"""The file of a sweep's choices: what it may say, and one line about whatever it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad import cli
from handgrad.cluster import connection
from handgrad.runs import TrainingOptions
from handgrad.sweep.space import Distribution, interpret, read
from handgrad.training import Recipe


@pytest.fixture(autouse=True)
def _with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: name)


def written(folder: Path, text: str) -> Path:
    path = folder / "space.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_and_distributions(tmp_path: Path) -> None:
    path = written(tmp_path, 'hidden = {choice = ["64", "none"]}\nmaps = {randint = [1, 4]}\nstrict = true\nepochs = 3')
    assert read(path) == {
        "hidden": Distribution("choice", ("64", "none")),
        "maps": Distribution("randint", (1, 4)),
        "strict": True,
        "epochs": 3,
    }


def test_options_mean_what_they_mean_to_train() -> None:
    base = TrainingOptions(source="digits", seed=3)
    options = interpret(
        {"filters": "8/16,16", "size": "20x30", "learning-rate": 0.0123456, "early-stopping": True, "strict": False},
        base,
    )
    assert options == TrainingOptions(
        source="digits",
        seed=3,
        size=(20, 30),
        network={"stages": ((8,), (16, 16)), "hidden": (64,)},
        recipe=Recipe(learning_rate=0.01235, early_stopping=True),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning_rate = {uniform = [0, 1]}", "has learning_rate, which is not an option that a sweep can"),
        ("learning_rate = {uniform = [0, 1]}", "; write learning-rate"),
        ("seed = 3", "has seed, which is not an option"),
        ("out = 'here'", "; the options are filters, filter-size"),
        ("epochs = 3", "leaves nothing to choose"),
        ("epochs =", "is not TOML"),
        ("epochs = {choice = []}", "epochs has no list for choice"),
        ("epochs = {normal = [1, 2]}", "epochs has {normal}, not one of choice, uniform, loguniform, randint"),
        ("epochs = {choice = [1], uniform = [1, 2]}", "epochs has {choice, uniform}, not one of"),
        ("epochs = {randint = [1, 2.5]}", "which must be two integers; give the lowest and the highest"),
        ("epochs = {randint = [3, 2]}", "epochs has randint = [3, 2], which must be two integers"),
        ("epochs = {uniform = [1, 2]}\nhidden = [64]", "hidden has [64], which is neither text, a number nor true"),
        ("weight-decay = {loguniform = [0, 1]}", "whose lowest must be above 0"),
        ("weight-decay = {uniform = [true, 2]}", "which must be two numbers"),
        ("batch-size = {choice = [16, 0]}", "has batch-size = 0: must be an integer of at least 1"),
        ("batch-size = {uniform = [1.5, 3]}", "has batch-size = 1.5: must be a whole number"),
        ("momentum = {uniform = [0.5, 1.5]}", "has momentum = 1.5: must be from 0 to below 1"),
        ("optimizer = {choice = ['adamw', 'adam']}", "has optimizer = adam: must be one of adamw, sgd"),
        ("filters = {choice = ['16,16', 'many']}", "has filters = many: must be positive numbers with commas"),
        ("early-stopping = {choice = [true, 'no']}", "has early-stopping = no: must be true or false"),
        ("epochs = {choice = [true, 2]}", "has epochs = True: must not be true or false"),
        ("size = {choice = ['8x8', '9x9']}", "has size with a distribution; all trials must have the same pictures"),
    ],
)
def test_whatever_is_wrong_is_an_error_of_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path, out = written(tmp_path, text), tmp_path / "out"
    assert cli.run(["sweep", "digits", "--space", str(path), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"handgrad: error: --space={path}: ")
    assert words in line
    assert not out.exists()


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sweep", "digits", "--space", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "cannot be read (No such file or directory); check the path" in capsys.readouterr().err
