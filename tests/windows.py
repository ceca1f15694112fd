"""Windows' rules, imposed on this process: run commands with ``python -m tests.windows FOLDER``; needs Linux.

What Windows lacks is missing: modules, functions and signals of POSIX. What it refuses is refused: to rename or remove
a file that this process has open or mapped, however it came to be open; to open a folder; names of devices, with a
colon or a dot at the end. Names differ by more than case. Nothing of this holds for other packages' modules that were
imported before, nor for other processes.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import importlib
import io
import json
import mmap
import os
import re
import shutil
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MODULES = {"fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
LACKING: dict[Any, tuple[str, ...]] = {
    os: (
        "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "chown", "fork", "forkpty", "geteuid", "getgid", "getpgid", "getuid",
        "killpg", "mkfifo", "nice", "posix_fadvise", "posix_fallocate", "pread", "preadv", "pwrite", "pwritev",
        "sched_getaffinity", "sched_setaffinity", "sendfile", "setsid", "statvfs", "sync", "uname", "wait",
    ),
    signal: ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGSTOP", "SIGUSR1", "SIGUSR2", "alarm", "pause"),
    time: ("tzset",),
    mmap: ("MADV_DONTNEED", "PROT_READ", "MAP_SHARED", "MAP_PRIVATE"),
}  # fmt: skip
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
REFUSED = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')

checked: Counter[str] = Counter()
"""How many operations were looked at, by name."""
refused: list[str] = []
"""The operations that Windows would have refused."""


def impose() -> None:
    """Impose the rules for the rest of this process's life."""
    # What has a way of its own for Windows decides by sys.platform, or by these functions, when it is imported.
    for name in (
        "asyncio",
        "multiprocessing.connection",
        "numba",
        "platformdirs",
        "sklearn.model_selection",
        "uvicorn",
    ):
        importlib.import_module(name)
    for module, names in LACKING.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    _forbid_modules()
    for name in ("rename", "replace", "unlink", "remove"):
        _guard(name)
    for owner, name in (
        (os, "access"),
        (os, "mkdir"),
        (os, "open"),
        (os, "stat"),
        (os, "lstat"),
        (io, "open"),
        (builtins, "open"),
    ):
        _name_files(owner, name)
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    warnings.filterwarnings("error", category=EncodingWarning, module=r"handgrad(\.|$)")
    warnings.filterwarnings("ignore", message="only soft file lock")


def _forbid_modules() -> None:
    original = builtins.__import__

    def imported(name: str, globals: Any = None, *rest: Any, **options: Any) -> Any:
        importer = (globals or {}).get("__name__", "")
        if name in MODULES and importer.startswith(("handgrad", "filelock")):
            raise ModuleNotFoundError(f"No module named {name!r}, which {importer} imports", name=name)
        return original(name, globals, *rest, **options)

    builtins.__import__ = imported


def held(path: str) -> bool:
    """Whether this process has a file open or mapped, by itself or through a library."""
    descriptors = Path("/proc/self/fd")
    for each in _real_listdir(descriptors):
        with contextlib.suppress(OSError):
            if str((descriptors / each).readlink()) == path:
                return True
    with _real_open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return any(line.rstrip("\n").endswith(f" {path}") for line in maps)


_real_listdir, _real_open, _real_stat = os.listdir, io.open, os.lstat


def as_windows(path: Any) -> Any:
    """The file that a path means: of the names in its folder, the one that differs only in case, if there is one."""
    if isinstance(path, int) or str(os.fsdecode(path)).startswith(("/proc", "/dev", "/sys")):
        return path
    text = os.fsdecode(path)
    folder, name = os.path.split(text)
    if name in ("", ".", ".."):
        return path
    try:
        _real_stat(text)
    except OSError:
        with contextlib.suppress(OSError):
            for there in _real_listdir(folder or "."):
                if there.casefold() == name.casefold():
                    return str(Path(folder, there))
    return path


def _refuse(number: int, what: str, path: Any) -> None:
    refused.append(f"{what} {os.fsdecode(path)}")
    raise OSError(number, f"Windows refuses: {what}", os.fsdecode(path))


def _guard(name: str) -> None:
    original: Callable[..., Any] = getattr(os, name)

    def guarded(*paths: Any, **options: Any) -> Any:
        checked[name] += 1
        paths = tuple(map(as_windows, paths))
        # These have another way there, which they choose by the name of the system.
        if not _caller().startswith(("tempfile", "filelock")):
            for path in paths:
                if held(os.path.realpath(os.fsdecode(path))):
                    _refuse(errno.EACCES, f"to {name} an open file", path)
        if name == "rename" and os.path.lexists(paths[1]):
            _refuse(errno.EEXIST, "to rename onto a file", paths[1])
        if len(paths) == 2:
            _check_name(paths[1])
        return original(*paths, **options)

    setattr(os, name, guarded)


def _caller() -> str:
    """The module that asked for a guarded operation, by pathlib or not."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals["__name__"].startswith("pathlib"):
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


def _check_name(path: Any) -> None:
    name = Path(os.fsdecode(path)).name
    if DEVICES.match(name) or REFUSED.search(name):
        _refuse(errno.EINVAL, "the name of", path)


def _name_files(owner: Any, name: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def named(path: Any, *given: Any, **options: Any) -> Any:
        checked[name] += 1
        if "dir_fd" in options:
            return original(path, *given, **options)
        path = as_windows(path)
        text = "" if isinstance(path, int) else os.fsdecode(path)
        writes = name == "mkdir" or (name == "open" and _writes(*given, **options))
        if writes and text and not text.startswith(("/dev", "/proc")):
            _check_name(path)
        if name == "open" and owner is os and Path(text).is_dir():
            raise PermissionError(errno.EACCES, "Windows opens no folders", text)
        return original(path, *given, **options)

    setattr(owner, name, named)


def _writes(first: Any = "r", *_: Any, mode: Any = "r", **__: Any) -> bool:
    """Whether flags, or a mode by place or by name, may make a file."""
    return bool(first & os.O_CREAT) if isinstance(first, int) else any(each in f"{first}{mode}" for each in "wxa+")


def commands(folder: Path) -> Iterator[list[str]]:
    """The main path: train, resume, use, look inside, export, and the cache."""
    photos, model = str(folder / "Photos"), str(folder / "runs" / "photos")
    small = ["--filters", "2", "--hidden", "4", "--epochs", "4", "--engine", "notes"]
    picture = str(folder / "Photos" / "grün" / "0.png")
    yield ["train", photos, "--out", model, "--size", "12x9", *small]
    yield ["train", "--resume", model]
    write_more(folder / "Photos")  # the cache's file is replaced, while what it had is read
    yield ["train", photos, "--out", model, "--size", "12x9", *small, "--overwrite"]
    yield ["train", "digits", "--out", str(folder / "digits"), "--filters", "8,8", "--hidden", "32", "--epochs", "1"]
    yield ["predict", model, picture]
    yield ["evaluate", model, photos, "--out", str(folder / "evaluation")]
    yield ["info", model]
    yield ["check", model, picture]
    yield ["explain", picture, "--model", model, "--out", str(folder / "page.html")]
    yield ["explain", picture, "--model", model, "--out", str(folder / "Page.html"), "--overwrite"]
    yield ["export", model, str(folder / "model.onnx")]
    yield ["export", model, str(folder / "model.c")]
    yield ["cache"]
    yield ["cache", "--clear"]


def write_more(photos: Path) -> None:
    """Add pictures to the classes."""
    from tests.data.writing import noise, write_picture

    for index, name in enumerate(("grün", "日本", "brown fox")):
        for number in range(5, 9):
            write_picture(photos / name / f"{number}.png", noise(12, 9, 3, seed=100 * index + number))


def main(folder: Path) -> int:
    """Run the main path under the rules; print a JSON object of what happened as the last line."""
    impose()
    from handgrad import cli, progress, system
    from tests.data.writing import write_classes

    system.WINDOWS = True
    write_classes(folder / "Photos", "grün", "日本", "brown fox", count=5)
    line = progress.line
    codes: list[list[Any]] = []
    for number, words in enumerate(commands(folder)):
        # Ctrl-C ends the first training.
        vars(progress)["line"] = _interrupt if number == 0 else line
        sys.argv = ["handgrad", *words]
        try:
            cli.main()
        except SystemExit as ended:
            codes.append([words[0], ended.code])
    result = {"codes": codes, "checked": checked, "refused": refused, "left": left(folder)}
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    return 0


def _interrupt(event: Any) -> str:
    if event.epoch == 2:
        raise KeyboardInterrupt
    return ""


def left(folder: Path) -> list[str]:
    """Files of the folder that have no place there any more."""
    return [str(path) for path in folder.rglob("*") if path.name.startswith(".") or path.suffix in (".lock", ".part")]


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
