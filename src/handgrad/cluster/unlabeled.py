"""Pictures without labels, in numbered parts that any worker can read: a folder of files, or Parquet files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from handgrad.data.folder import files_below
from handgrad.data.image_file import read_image
from handgrad.errors import DataError
from handgrad.typing import Pixels

ROWS = 4096
"""Pictures per part."""

BATCH = 256
"""Pictures in memory at a time."""

_SUFFIX = ".parquet"


class Part(NamedTuple):
    """Some of the pictures: picture files, or rows of one Parquet file."""

    number: int
    files: list[bytes]
    first: int
    rows: int


class Pictures(NamedTuple):
    """Consecutive pictures: their names, the pixels of the readable ones, and the error of each, or None."""

    names: list[str]
    pixels: Pixels
    errors: list[str | None]


Reader = Callable[[Part, tuple[int, int, int], int], Iterator[Pictures]]
"""Reads a part for an input shape with a number of threads, a few pictures at a time."""


class Unlabeled(NamedTuple):
    """Pictures without labels: the parts, a checksum of their list, and the function that reads a part."""

    parts: list[Part]
    checksum: str
    read: Reader


def find(root: Path, rows: int = ROWS) -> Unlabeled:
    """Find the pictures of a folder, of a Parquet file, or of a folder of Parquet files.

    Picture files are named by their paths from the folder. A Parquet file has a column ``image``, and may have a column
    ``path`` with the pictures' names. An image is either binary, the content of a picture file, or a list of uint8 (or
    binary of fixed length): the network's height × width × channels numbers, row by row.

    Parameters
    ----------
    root : Path
    rows : int
        Pictures per part; the last one of a folder or file may have fewer.

    Raises
    ------
    DataError
        If there are none.
    """
    refuse = partial(DataError, "images", root)
    try:
        if root.is_file() and root.suffix.casefold() == _SUFFIX:
            folder, paths = root.parent, [str(root)]
        elif root.is_dir():
            folder, paths = root, list(files_below(root))
        else:
            raise refuse("it is neither a folder nor a .parquet file", "check the path")
        tables = [path for path in paths if path.casefold().endswith(_SUFFIX)]
        if tables and len(tables) < len(paths):
            raise refuse("it holds both Parquet and other files", "give a folder of either")
        parts = list(_parts_of_tables(paths, rows) if tables else _parts_of_files(paths, rows))
        found = Unlabeled(parts, _checksum(folder, paths), partial(_read_table if tables else _read_files, folder))
    except OSError as error:
        raise refuse(f"it cannot be read ({error.strerror or error})", "check the path and its permissions") from error
    if not found.parts:
        raise refuse("it holds no pictures", "check the path")
    return found


def _parts_of_files(paths: Sequence[str], rows: int) -> Iterator[Part]:
    for number, first in enumerate(range(0, len(paths), rows)):
        files = [os.fsencode(path) for path in paths[first : first + rows]]
        yield Part(number, files, 0, len(files))


def _parts_of_tables(paths: Sequence[str], rows: int) -> Iterator[Part]:
    numbers = count()
    for path in paths:
        total = _rows_of(path)
        for first in range(0, total, rows):
            yield Part(next(numbers), [os.fsencode(path)], first, min(rows, total - first))


def _rows_of(path: str) -> int:
    """Return the number of rows of a Parquet file with images."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    refuse = partial(DataError, "images", path)
    try:
        with pq.ParquetFile(path) as table:
            schema, rows = table.schema_arrow, table.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise refuse(f"it is not a valid Parquet file ({_line(error)})", "write it again") from error
    kind = schema.field("image").type if "image" in schema.names else pa.null()
    if not _is_file(kind) and not _is_raw(kind):
        found = ", ".join(f"{field.name} ({field.type})" for field in schema)
        rule = f"it has no column image of binary or of lists of uint8; its columns are {found or 'none'}"
        raise refuse(rule, "write the pictures to one")
    return int(rows)


def _read_files(root: Path, part: Part, shape: tuple[int, int, int], threads: int) -> Iterator[Pictures]:
    paths = [os.fsdecode(path) for path in part.files]
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), BATCH):
            few = paths[start : start + BATCH]
            names = [_text(os.path.relpath(path, root)) for path in few]
            yield _gathered(names, list(pool.map(partial(_decoded, shape=shape), few)), shape)


def _read_table(root: Path, part: Part, shape: tuple[int, int, int], threads: int) -> Iterator[Pictures]:
    (path,) = map(os.fsdecode, part.files)
    row, table = part.first, _text(os.path.relpath(path, root))
    with ThreadPoolExecutor(threads) as pool:
        for batch in _rows(path, part.first, part.rows):
            images = batch.column("image")
            names = [f"{table}#{row + index}" for index in range(batch.num_rows)]
            if "path" in batch.schema.names:
                given = batch.column("path").to_pylist()
                names = [name if own is None else str(own) for name, own in zip(names, given, strict=True)]
            row += batch.num_rows
            if _is_file(images.type):
                attempts = list(pool.map(partial(_decoded, shape=shape), images.to_pylist()))
            else:
                attempts = [_shaped(image, shape) for image in images]
            yield _gathered(names, attempts, shape)


def _rows(path: str, first: int, rows: int) -> Iterator[Any]:
    """Yield record batches of some rows of a Parquet file; row groups before them are not read."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as table:
        columns = [name for name in ("image", "path") if name in table.schema_arrow.names]
        sizes = [table.metadata.row_group(number).num_rows for number in range(table.num_row_groups)]
        starts = np.cumsum([0, *sizes])
        groups = [n for n, size in enumerate(sizes) if starts[n] < first + rows and starts[n] + size > first]
        skipped, left = first - int(starts[groups[0]]), rows
        for batch in table.iter_batches(BATCH, row_groups=groups, columns=columns, use_threads=False):
            if skipped >= batch.num_rows:
                skipped -= batch.num_rows
                continue
            wanted = batch.slice(skipped, left)
            skipped, left = 0, left - wanted.num_rows
            yield wanted
            if not left:
                return


def _decoded(image: str | bytes | None, shape: tuple[int, int, int]) -> Pixels | str:
    """Decode a picture file or its content; return its pixels, or what is wrong with it."""
    height, width, channels = shape
    if image is None:
        return "there is no image"
    try:
        return read_image(BytesIO(image) if isinstance(image, bytes) else image, (height, width), channels)
    except DataError as error:
        return error.rule


def _shaped(image: Any, shape: tuple[int, int, int]) -> Pixels | str:
    """Return the pixels of an Arrow scalar, or what is wrong with it."""
    if not image.is_valid:
        return "there is no image"
    numbers = image.as_py() if isinstance(image.as_py(), bytes) else image.values.to_numpy(zero_copy_only=False)
    pixels = np.frombuffer(numbers, np.uint8) if isinstance(numbers, bytes) else numbers
    if pixels.dtype != np.uint8:
        return "some of its pixels are missing"
    if pixels.size != np.prod(shape):
        return f"it has {pixels.size} pixels; the network takes {' × '.join(map(str, shape))}"
    return pixels.reshape(shape)


def _gathered(names: list[str], attempts: list[Pixels | str], shape: tuple[int, int, int]) -> Pictures:
    readable = [pixels for pixels in attempts if not isinstance(pixels, str)]
    errors = [attempt if isinstance(attempt, str) else None for attempt in attempts]
    return Pictures(names, np.stack(readable) if readable else np.empty((0, *shape), np.uint8), errors)


def _is_file(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _is_raw(kind: Any) -> bool:
    import pyarrow.types as types

    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(types.is_fixed_size_binary(kind) or (lists and types.is_uint8(kind.value_type)))


def _checksum(root: Path, paths: Sequence[str]) -> str:
    """Return a checksum of the files' names, sizes and times of modification."""
    total = hashlib.sha256()
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - making a Path takes as long as the call itself
            mark = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError:
            mark = "none"
        total.update(os.fsencode(f"{os.path.relpath(path, root)}\0{mark}\0"))
    return total.hexdigest()


def _text(path: str) -> str:
    """Escape a path that is not UTF-8, which Parquet cannot store."""
    return path.encode(errors="backslashreplace").decode()


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
