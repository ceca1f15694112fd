"""``python -m tools.fuzz.process READER SECONDS FOLDER``: one reader under libFuzzer, guided by its Python coverage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import resource
import sys
import traceback
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["handgrad", "PIL", "zipfile", "gzip"], enable_loader_override=False):
    import gzip  # noqa: F401
    import zipfile  # noqa: F401

    from PIL import Image, PngImagePlugin

    Image.init()
    # Otherwise the effects of a changed chunk would be hidden behind its checksum.
    PngImagePlugin.ChunkStream.crc = lambda *_: None  # type: ignore[method-assign]

    from handgrad.errors import HandgradError
    from tools.fuzz.readers import READERS

LIMIT = 2 << 30
"""Bytes of memory that no input may make a reader exceed."""
LONGEST = 4096
"""Largest input in bytes."""
SLOWEST = 20
"""Seconds after which an input counts as a hang."""


def main() -> None:
    """Fuzz one reader; write figures and each input that crashed it to the folder."""
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    reader, inputs, refused = READERS[name], 0, 0
    found: set[str] = set()
    for sub in ("corpus", "crashes"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(reader.seeds()):
        (folder / "corpus" / f"seed-{number}").write_bytes(seed)
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (2 * LIMIT, 2 * LIMIT))

    def one(content: bytes) -> None:
        nonlocal inputs, refused
        inputs += 1
        try:
            reader.read(content)
        except HandgradError as error:
            refused += 1
            if "\n" in str(error):
                keep(content, error)
        except BaseException as error:  # anything else than the project's own errors
            keep(content, error)
        if inputs % 100 == 0:
            write()

    def keep(content: bytes, error: BaseException) -> None:
        # One input for each origin of an exception.
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        origin = f"{type(error).__name__} {[(frame.name, frame.lineno) for frame in frames]}"
        if origin not in found:
            found.add(origin)
            (folder / "crashes" / hashlib.sha256(origin.encode()).hexdigest()[:12]).write_bytes(content)
            sys.stderr.write(f"{origin}: {error}\n")

    def write() -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures = {"inputs": inputs, "refused": refused, "crashes": len(found), "peak": peak << 10}
        (folder / "figures.json").write_text(json.dumps(figures))

    write()
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}", "-seed=1", "-len_control=0"]
    options += [f"-rss_limit_mb={LIMIT >> 20}", f"-artifact_prefix={folder / 'crashes'}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], one)
    with contextlib.suppress(SystemExit):
        atheris.Fuzz()


if __name__ == "__main__":
    main()
