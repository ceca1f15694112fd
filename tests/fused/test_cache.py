"""Kernels on disk: written by several processes at once, broken, on a full disk, without a folder."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import config

from handgrad.fused.cache import SealedFile
from handgrad.fused.compilation import Compilation, Suite, announced
from handgrad.fused.optimizer import descend
from tests.privileges import NOBODY, without_privileges

ROOT = Path(__file__).resolve().parents[2]

_IMPORTS = """
import hashlib, json, sys
import numpy as np
from handgrad.architecture import Architecture
from handgrad.fused import optimizer
from handgrad.fused.compilation import announced
from handgrad.fused.network import Network
from handgrad.fused.team import Team, default_threads
from handgrad.notes import network as notes
from handgrad.parameters import Parameters

def network_of(parameters):
    return Network(parameters.architecture, parameters.vector.dtype, None, Team(default_threads()))
"""
_STEP = """
theta, one = np.arange(9.0), np.ones(9)
optimizer._share(Team(1), "descend", (theta, one, one.copy(), one), (0.5, 0.1))
right = np.allclose(theta, np.arange(9) - 0.1 * (0.5 + 1 + np.arange(9)))
"""
_PREDICTION = """
# Filters and windows of one cell: the kernels that compile soonest.
architecture = Architecture(input_shape=(5, 5, 1), stages=((2, 2),), hidden=(3,), filter_size=(1, 1), pooling=1)
parameters, X = Parameters.draw(architecture, np.random.default_rng(0)), np.ones((2, 5, 5, 1), "float32")
right = np.allclose(network_of(parameters).predict(parameters, X), notes.predict(parameters, X))
"""

_GRADIENT = """
architecture = Architecture(input_shape=(12, 12, 1), classes=10, stages=((4, 4),), hidden=(24,))
rng = np.random.default_rng(0)
parameters, X = Parameters.draw(architecture, rng), rng.standard_normal((128, 12, 12, 1), "float32")
_, _, gradient = network_of(parameters).loss_and_gradients(parameters, X, rng.integers(0, 10, 128))
print(hashlib.sha256(gradient.vector.tobytes()).hexdigest())
right = True
"""


def program(work: str) -> str:
    """Says that it is ready, does its work when asked to, and prints on stderr if it was right and what it compiled."""
    lines = "".join(f"    {line}\n" for line in work.strip().splitlines())
    return (
        f"print('ready', flush=True)\nsys.stdin.readline()\nwith announced(lambda *_: None) as compiled:\n{lines}"
        "print(json.dumps({'right': bool(right), **vars(compiled)}), file=sys.stderr)\n"
    )


def start(work: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _IMPORTS + program(work)],
        env={**os.environ, **environment}, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    _, err = process.communicate("go on\n")
    assert process.returncode == 0, err
    outcome: dict[str, Any] = json.loads(err)
    return outcome


@pytest.mark.parametrize(("work", "count"), [(_STEP, 4), (_PREDICTION, 2)], ids=["a step", "a prediction"])
def test_processes_that_write_the_same_kernels_at_once(tmp_path: Path, work: str, count: int) -> None:
    processes = [start(work, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(count)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
    outcomes = [finish(process) for process in processes]
    assert all(outcome["right"] and outcome["kept"] for outcome in outcomes)
    assert sum(outcome["seconds"] > 0 for outcome in outcomes) >= 2, "they did not compete"
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".kernel"}
    assert finish(start(work, NUMBA_CACHE_DIR=str(tmp_path))) == {"right": True, "seconds": 0.0, "kept": True}


def test_the_process_that_compiles_computes_bit_for_bit_what_one_that_reads_does(tmp_path: Path) -> None:
    done = [start(_GRADIENT, NUMBA_CACHE_DIR=str(tmp_path)).communicate("go on\n") for _ in range(2)]
    assert [json.loads(err)["seconds"] > 0 for _, err in done] == [True, False]
    compiling, reading = (out.removeprefix("ready\n").strip() for out, _ in done)
    assert len(compiling) == 64
    assert compiling == reading


@pytest.fixture
def read_only_install(open_folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a user who can write neither to the package nor to a home."""
    package = open_folder / "handgrad"
    shutil.copytree(ROOT / "src" / "handgrad", package, ignore=shutil.ignore_patterns("__pycache__"))
    folders = [open_folder, package, *(path for path in package.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    nowhere = str(open_folder / "home")
    yield {
        "PYTHONPATH": str(open_folder), "PYTHONDONTWRITEBYTECODE": "1", "HOME": nowhere, "XDG_CACHE_HOME": nowhere,
        "NUMBA_CACHE_DIR": "",
    }  # fmt: skip
    for folder in folders:
        folder.chmod(0o755)


def as_any_user(work: str, environment: dict[str, str]) -> dict[str, Any]:
    # Numba imports some of itself with the first function.
    own = "import handgrad, numba; assert handgrad.__file__.startswith(sys.path[1]); numba.njit(lambda: np.sqrt(2))()\n"
    said = without_privileges(_IMPORTS + own, program(work), **environment)  # type: ignore[arg-type]
    outcome: dict[str, Any] = json.loads(said)
    return outcome


def test_a_read_only_install_without_a_home_compiles_in_memory(read_only_install: dict[str, str]) -> None:
    outcome = as_any_user(_PREDICTION, read_only_install)
    assert outcome["right"]
    assert outcome["seconds"] > 0
    assert not outcome["kept"]


def test_a_read_only_install_keeps_kernels_in_the_users_cache(
    read_only_install: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Path(read_only_install["PYTHONPATH"]).with_name(f"cache-of-{os.getpid()}")
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(home, NOBODY, -1)
    try:
        environment = {**read_only_install, "XDG_CACHE_HOME": str(home)}
        first, second = (as_any_user(_STEP, environment) for _ in range(2))
        assert first["right"]
        assert first["seconds"] > 0
        assert first["kept"]
        assert second == {"right": True, "seconds": 0.0, "kept": True}
        assert [path.suffix for path in home.rglob("*") if path.is_file()] == [".kernel"]
    finally:
        shutil.rmtree(home)


def step() -> Compilation:
    """One step with a kernel that this process has not loaded yet."""
    theta, one = np.arange(9.0), np.ones(9)
    with announced(lambda *_: None) as compiled:
        Suite((descend,), {}, "float64")["descend"](theta, one, one.copy(), one, 0.5, 0.1)
    np.testing.assert_allclose(theta, np.arange(9) - 0.1 * (0.5 + 1 + np.arange(9)))
    return compiled


@pytest.fixture
def kept_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    return lambda folder: monkeypatch.setattr(config, "CACHE_DIR", str(folder))


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zeroed(content: bytes) -> bytes:
    """What a crashed system may leave: the length is right, the last blocks were never written."""
    return content[:4096] + bytes(len(content) - 4096)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, zeroed, flipped, lambda _: b"", lambda _: b"no kernel at all" * 9])
def test_a_broken_file_is_compiled_again_and_replaced(
    tmp_path: Path, kept_in: Callable[[Path], None], damage: Callable[[bytes], bytes]
) -> None:
    kept_in(tmp_path)
    assert step().seconds > 0
    (path,) = tmp_path.rglob("*.kernel")
    path.write_bytes(damage(path.read_bytes()))
    assert step().seconds > 0
    assert step() == Compilation(seconds=0.0, kept=True)


def test_a_kernel_of_another_key_is_not_used(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "kernel")
    file.save(("float32", "this processor"), 1)
    assert file.load(("float32", "this processor")) == 1
    assert file.load(("float32", "another processor")) is None


def test_a_cache_that_is_removed_in_between_is_made_again(tmp_path: Path, kept_in: Callable[[Path], None]) -> None:
    kept_in(tmp_path / "cache")
    theta, one = np.arange(9.0), np.ones(9)
    kernel = Suite((descend,), {}, "float64")["descend"]
    shutil.rmtree(tmp_path / "cache")
    kernel(theta, one, one.copy(), one, 0.5, 0.1)
    assert step() == Compilation(seconds=0.0, kept=True)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_kernel_that_is_too_large_for_the_system_is_not_kept(tmp_path: Path, kept_in: Callable[[Path], None]) -> None:
    kept_in(tmp_path)
    with files_of_at_most(1000):
        outcome = step()
    assert outcome.seconds > 0
    assert not outcome.kept
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert step().kept


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with almost no room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk_kernels_work_and_are_not_kept(full_disk: Path, kept_in: Callable[[Path], None]) -> None:
    kept_in(full_disk)
    for _ in range(2):
        outcome = step()
        assert outcome.seconds > 0
        assert not outcome.kept
    assert [path for path in full_disk.rglob("*") if path.is_file()] == []
