"""What differs between Linux, macOS and Windows; everything else is written once for all of them."""

from __future__ import annotations

import codecs
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

WINDOWS = os.name == "nt"

ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))
"""The signals by which a person ends a process; the last is Windows' Ctrl-Break."""

_PATIENCE, _PAUSE = 1.0, 0.05
"""Seconds. On Windows, a virus scanner or a search index may have any new file open for a moment."""

_ASCII = {
    "█": "#", "−": "-", "–": "-", "…": "...", "×": "x", "·": "*", "→": "->", "≥": ">=", "≤": "<=", "∂": "d",
    "√": "sqrt ", "π": "pi", "α": "alpha", "η": "eta", "ε": "epsilon", "′": "'", "’": "'", "‘": "'", "“": '"',
    "”": '"', "✓": "yes", "─": "-", "━": "-", "│": "|", "ᵀ": "^T", "⊙": "*", "Σ": "sum", "θ": "theta", "←": "<-",
    "↓": "v", "\u00a0": " ", "\u202f": " ",
}  # fmt: skip


def replace(source: Path, target: Path) -> None:
    """Give a file the name of another one, which it replaces, at once.

    Neither may be open: Windows would refuse. If another process has one open, wait for it, but not for long.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if not WINDOWS or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return


def remove_held(lock: Path) -> None:
    """Remove the file of a lock while it is held: whoever has opened it meanwhile finds it gone, and tries again.

    On Windows, where an open file stays, filelock removes it when it is released.
    """
    if not WINDOWS:
        with contextlib.suppress(OSError):
            lock.unlink()


def sync_folder(folder: Path) -> None:
    """Have the system write the names in a folder to disk, where it can."""
    # Windows opens no folders, and not every file system can; the files themselves are written.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a port that no other process listens on; an OSError says why there is none.

    >>> with listening("127.0.0.1", 0) as taken:
    ...     try:
    ...         listening("127.0.0.1", taken.getsockname()[1])
    ...     except OSError:
    ...         print("taken")
    taken
    """
    # On Linux and macOS SO_REUSEADDR skips the minute after a server has ended; on Windows it would let two processes
    # have one port.
    option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, option, 1)
        taken.bind((host, port))
        taken.listen()
    except OSError:
        taken.close()
        raise
    return taken


def typed(words: list[str]) -> str:
    """Return a command as a person types it into this system's shell.

    >>> typed(["handgrad", "train", "my photos"])
    "handgrad train 'my photos'"
    """
    return subprocess.list2cmdline(words) if WINDOWS else shlex.join(words)


def readable(error: UnicodeError) -> tuple[str, int]:
    r"""Stand in for characters that an encoding lacks: alike in ASCII where there is such a thing, else an escape.

    >>> codecs.register_error("readable", readable)
    >>> "2 × 3 ≥ 5 █ 日".encode("ascii", "readable")
    b'2 x 3 >= 5 # \\u65e5'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    texts = [_ASCII.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking]
    return "".join(texts), error.end


codecs.register_error("readable", readable)
