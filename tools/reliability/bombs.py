"""Small files that claim to be large, and small files that become large, read under a limit of memory."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from tools.reliability.trial import Outcome

SECTION = "Damaged files"
TITLE = (
    "picture bombs (60,000 × 60,000, a GIF and a PNG of a million frames, a TIFF of terabytes), IDX and npz files with "
    "lying headers, read with 1 GiB of memory: a picture, or one line within 20 seconds"
)
FOUND = ""
MIB = 1 << 20
LIMIT, SLOWEST = 1 << 30, 20.0


def trial(folder: Path) -> Outcome:
    """Write the bombs and read each in every way in which it may come."""
    results = read_all(write(folder, bombs(1_000_000)))
    held = sum(bool(result["held"]) for result in results.values())
    slowest = max(results, key=lambda name: results[name]["seconds"])
    peak = max(result["mib"] for result in results.values())
    seconds = results[slowest]["seconds"]
    return Outcome(len(results), held, f"{seconds:.1f} s for the slowest ({slowest}), {peak:.0f} MiB")


def bombs(frames: int) -> dict[str, Callable[[], bytes]]:
    """Return what makes each bomb, by its name; those of many frames have so many."""
    made: dict[str, Callable[[], bytes]] = {
        "60000.png": lambda: _png(60_000, 60_000, bytes(1000)),
        "60000-whole.png": lambda: _png(60_000, 60_000, bytes(7_501), 60_000, depth=1),
        "13000.png": lambda: _png(13_000, 13_000, bytes(13_001), 13_000),
        "2e9.png": lambda: _png(2**31 - 1, 2**31 - 1, bytes(100)),
        "text.png": lambda: _png(8, 8, bytes(72), more=_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 * MIB)))),
        "profile.png": lambda: _png(8, 8, bytes(72), more=_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200 * MIB)))),
        "frames.png": lambda: _animated_png(frames),
        "frames.gif": lambda: _gif(8, 8, frames),
        "65535.gif": lambda: _gif(65_535, 65_535, 2),
        "terabytes.tif": lambda: _tiff(8, 8, 2**40),
        "large.tif": lambda: _tiff(2**31, 2**31, 2**42),
        "strips.tif": lambda: _tiff(8, 8, 100, strips=2**31),
        "65500.jpg": lambda: _jpeg(65_500, 65_500),
        "2e9.bmp": lambda: _bmp(2**31 - 1, 2**31 - 1),
        "2e9.ppm": lambda: b"P6\n2000000000 2000000000\n255\n" + bytes(100),
        "16383.webp": lambda: _webp(16_383, 16_383),
        "wide.png": lambda: _png(2**31 - 1, 1, bytes(100)),
        "exabytes.npz": lambda: _npz((2**20, 2**20, 2**20)),
        "overflowing.npz": lambda: _npz((2**32, 2**32, 3)),
        "zeros.npz": lambda: _npz((2_000, 1_000, 1_000), zeros=2_000),
        "negative.npz": lambda: _npz((-1, 8, 8)),
    }
    for axes in ((2**32 - 1,) * 3, (10**6, 28, 28), (60_000, 65_535, 65_535)):
        header = struct.pack(">4B3I", 0, 0, 8, 3, *axes)
        made[f"{axes[1]}.idx"] = lambda header=header: header + bytes(100)  # type: ignore[misc]
        made[f"{axes[1]}.idx.gz"] = lambda header=header: gzip.compress(header + bytes(100))  # type: ignore[misc]
    whole = struct.pack(">4B3I", 0, 0, 8, 3, 2_000, 1_000, 1_000)
    made["zeros.idx.gz"] = lambda: gzip.compress(whole) + _gzip_zeros(2_000)
    return made


def write(folder: Path, made: dict[str, Callable[[], bytes]]) -> list[Path]:
    """Write bombs, and return their paths."""
    for name, make in made.items():
        (folder / name).write_bytes(make())
    return [folder / name for name in made]


def read_all(paths: list[Path]) -> dict[str, dict[str, float]]:
    """Read files in a process with little memory: whether each ended as it should, its seconds, MiB of the process."""
    command = [sys.executable, "-c", "from tools.reliability import bombs; bombs.main()", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, dict[str, float]] = {path.name: {"held": 0, "seconds": 0.0, "mib": 0.0} for path in paths}
    for line in done.stdout.splitlines():
        found.update(json.loads(line))
    return found


def main() -> None:
    """Read the files of the command line, and say how each ended in a line of JSON."""
    import resource

    from handgrad.data import idx, image_file, npz
    from handgrad.errors import HandgradError

    Image.init()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    readers: dict[str, list[Callable[[Path], object]]] = {
        ".npz": [npz.read_npz],
        ".idx": [lambda path: idx.read_array(path, 3)],
        ".gz": [lambda path: idx.read_array(path, 3)],
    }
    pictures: list[Callable[[Path], object]] = [
        image_file.size_of,
        image_file.decode,
        lambda path: image_file.decode(path, (8, 8)),
        lambda path: image_file.read_image(io.BytesIO(path.read_bytes()), (8, 8), 1, to_grey=True),
    ]
    for path in map(Path, sys.argv[1:]):
        began, held = time.perf_counter(), True
        for read in readers.get(path.suffix, pictures):
            try:
                read(path)
            except HandgradError as error:
                held = held and "\n" not in str(error)
            except Exception as error:  # what else may come, MemoryError above all
                print(f"{path.name}: {error!r}", file=sys.stderr)
                held = False
        seconds = time.perf_counter() - began
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        result = {"held": int(held and seconds < SLOWEST), "seconds": seconds, "mib": mib}
        print(json.dumps({path.name: result}), flush=True)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, row: bytes, rows: int = 1, *, depth: int = 8, more: bytes = b"") -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _animated_png(frames: int) -> bytes:
    pixels = zlib.compress(bytes(72))
    parts = [_chunk(b"acTL", struct.pack(">II", frames, 0))]
    for number in range(frames):
        control = struct.pack(">IIIIIHHBB", max(0, 2 * number - 1), 8, 8, 0, 0, 1, 10, 0, 0)
        parts.append(_chunk(b"fcTL", control))
        parts.append(_chunk(b"fdAT", struct.pack(">I", 2 * number) + pixels) if number else _chunk(b"IDAT", pixels))
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + _chunk(b"IEND", b"")


def _gif(width: int, height: int, frames: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes((0, 0, 0, 255, 255, 255))
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return screen + frame * frames + b";"


def _tiff(width: int, height: int, length: int, strips: int = 1) -> bytes:
    """Return a BigTIFF, whose sizes have 64 bits."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 16, strips, 200), (277, 3, 1, 1), (278, 4, 1, height), (279, 16, strips, length)]
    entries = b"".join(struct.pack("<HHQQ", *tag) for tag in tags)
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
    return head + struct.pack("<Q", len(tags)) + entries + bytes(8) + bytes(200)


def _jpeg(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (16, 16)).save(file, "JPEG")
    content = bytearray(file.getvalue())
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def _bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + header + bytes(100)


def _webp(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    body = b"VP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", bits) + bytes(5)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _npz(shape: tuple[int, ...], zeros: int = 0) -> bytes:
    """Return an archive of images of this shape, with so many MB of zeros, or a hundred bytes."""
    header, file = io.BytesIO(), io.BytesIO()
    npy.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            member.write(header.getvalue())
            for _ in range(zeros):
                member.write(bytes(10**6))
            member.write(bytes(0 if zeros else 100))
        labels = io.BytesIO()
        np.save(labels, np.arange(8) % 2)
        archive.writestr("labels.npy", labels.getvalue())
    return file.getvalue()


def _gzip_zeros(megabytes: int) -> bytes:
    def pieces() -> Iterator[bytes]:
        packer = zlib.compressobj(1, wbits=31)
        for _ in range(megabytes):
            yield packer.compress(bytes(10**6))
        yield packer.flush()

    return b"".join(pieces())
