"""Pictures without labels, in numbered shards that any worker can read: a folder of files, or Parquet files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from handgrad.cluster.connection import lines_of
from handgrad.data.folder import files_below
from handgrad.data.image_file import read_image
from handgrad.errors import DataError
from handgrad.pixel_range import Ranges
from handgrad.typing import Pixels

ROWS = 4096
"""Pictures per shard."""

BATCH = 256
"""Pictures in memory at a time."""

_Shape: TypeAlias = tuple[int, int, int]


class Shard(NamedTuple):
    """Some of the pictures: files of a folder, or rows of one Parquet file, from the row `first` on."""

    number: int
    files: list[bytes]
    first: int
    rows: int


class Unlabeled(NamedTuple):
    """Pictures without labels: the folder that their names are relative to, the shards, a checksum of their list."""

    folder: Path
    shards: list[Shard]
    checksum: str


def find(root: Path, rows: int = ROWS) -> Unlabeled:
    """Find the pictures of a folder, of a Parquet file, or of a folder of Parquet files; raise a DataError without any.

    Picture files are named by their paths from the folder. A Parquet file has a column ``image``, and may have a column
    ``path`` with the pictures' names. An image is either binary, the content of a picture file, or a list of uint8 (or
    binary of fixed length): height × width × channels pixels of 0 to 255, row by row. A shard has this many rows, or
    fewer at the end of a folder or Parquet file.
    """
    refuse = partial(DataError, "images", root)
    try:
        if root.is_file() and _is_table(root.name):
            folder, paths = root.parent, [str(root)]
        elif root.is_dir():
            folder, paths = root, list(files_below(root))
        else:
            raise refuse("it is neither a folder nor a .parquet file", "check the path")
        tables = list(filter(_is_table, paths))
        if tables and len(tables) < len(paths):
            raise refuse("it holds both Parquet and other files", "give a folder of either")
        shards = _shards(paths, rows, bool(tables))
        checksum = _checksum(folder, paths)
    except OSError as error:
        raise refuse(f"it cannot be read ({error.strerror or error})", "check the path and its permissions") from error
    if not shards:
        raise refuse("it holds no pictures", "check the path")
    return Unlabeled(folder, shards, checksum)


def read(
    folder: Path, shard: Shard, shape: _Shape, threads: int, file_ranges: Ranges | None = None
) -> Iterator[tuple[list[str], list[Pixels | str]]]:
    """Yield names of pictures, and of each its pixels or what is wrong with it; up to BATCH pictures at a time."""
    paths = list(map(os.fsdecode, shard.files))
    batches = _batches_of_table(folder, paths[0], shard) if _is_table(paths[0]) else _batches_of_files(folder, paths)
    with ThreadPoolExecutor(threads) as pool:
        for names, images in batches:
            yield names, list(pool.map(partial(_decoded, shape=shape, file_ranges=file_ranges), images))


def _is_table(path: str) -> bool:
    return path.casefold().endswith(".parquet")


def _shards(paths: list[str], rows: int, tables: bool) -> list[Shard]:
    shards: list[Shard] = []
    for files, total in [([path], _rows_of(path)) for path in paths] if tables else [(paths, len(paths))]:
        for first in range(0, total, rows):
            chosen = files if tables else files[first : first + rows]
            shards.append(Shard(len(shards), list(map(os.fsencode, chosen)), first, min(rows, total - first)))
    return shards


def _rows_of(path: str) -> int:
    """Return the number of rows of a Parquet file with images."""
    import pyarrow.parquet

    refuse = partial(DataError, "images", path)
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            schema, rows = table.schema_arrow, table.metadata.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise refuse(f"it is not a valid Parquet file ({lines_of(error)[0]})", "write it again") from error
    kind = schema.field("image").type if "image" in schema.names else pyarrow.null()
    if not _is_binary(kind) and not _is_raw(kind):
        found = ", ".join(f"{field.name} ({field.type})" for field in schema)
        rule = f"it has no column image of binary or of lists of uint8; its columns are {found or 'none'}"
        raise refuse(rule, "write the pictures to one")
    return int(rows)


def _batches_of_files(folder: Path, paths: list[str]) -> Iterator[tuple[list[str], list[Any]]]:
    for start in range(0, len(paths), BATCH):
        few = paths[start : start + BATCH]
        yield [_text(os.path.relpath(path, folder)) for path in few], few


def _batches_of_table(folder: Path, path: str, shard: Shard) -> Iterator[tuple[list[str], list[Any]]]:
    """Read some rows of a Parquet file; row groups before them are not read."""
    import pyarrow.parquet

    name, first, end = _text(os.path.relpath(path, folder)), shard.first, shard.first + shard.rows
    with pyarrow.parquet.ParquetFile(path) as table:
        columns = [column for column in ("image", "path") if column in table.schema_arrow.names]
        starts = np.cumsum([0, *(table.metadata.row_group(number).num_rows for number in range(table.num_row_groups))])
        groups = [number for number in range(len(starts) - 1) if starts[number] < end and starts[number + 1] > first]
        row = int(starts[groups[0]])
        for batch in table.iter_batches(BATCH, row_groups=groups, columns=columns, use_threads=False):
            if row >= end:
                return
            skipped = max(first - row, 0)
            if skipped < batch.num_rows:
                wanted = batch.slice(skipped, end - row - skipped)
                images = wanted.column("image")
                own = wanted.column("path").to_pylist() if "path" in columns else [None] * len(images)
                names = [f"{name}#{at}" if given is None else str(given) for at, given in enumerate(own, row + skipped)]
                binary = _is_binary(images.type)
                yield names, images.to_pylist() if binary else [one if one.is_valid else None for one in images]
            row += batch.num_rows


def _decoded(image: Any, shape: _Shape, file_ranges: Ranges | None) -> Pixels | str:
    """Return the pixels of a picture file, its content, or an Arrow scalar of pixels; or what is wrong with it."""
    if image is None:
        return "there is no image"
    if isinstance(image, str | bytes):
        try:
            file = BytesIO(image) if isinstance(image, bytes) else image
            return read_image(file, shape[:2], shape[2], file_ranges=file_ranges)
        except DataError as error:
            return error.rule
    is_list = hasattr(image, "values")
    pixels = image.values.to_numpy(zero_copy_only=False) if is_list else np.frombuffer(image.as_py(), np.uint8)
    if pixels.dtype != np.uint8:
        return "some of its pixels are missing"
    if pixels.size != np.prod(shape):
        return f"it has {pixels.size} pixels; the network takes {' × '.join(map(str, shape))}"
    return pixels.reshape(shape)


def _is_binary(kind: Any) -> bool:
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
