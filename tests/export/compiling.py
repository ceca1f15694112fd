"""C programs for the tests: compiled with every warning an error, run on pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from handgrad.model import Model
from handgrad.typing import Array, Pixels

REQUIRED = "HANDGRAD_REQUIRE_COMPILER"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
STRICTER = ("-Wconversion", "-Wshadow", "-Wmissing-prototypes", "-Wdouble-promotion", "-Wundef", "-Wcast-qual")
SANITISED = ("-O2", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

DRIVER = """\
#define {P}_DECLARATIONS
#include "{prefix}.c"
#include <stdio.h>

int main(void)
{{
    static uint8_t pixels[{P}_IMAGE_HEIGHT * {P}_IMAGE_WIDTH * {P}_IMAGE_DEPTH];
    static float probabilities[{P}_CLASSES];
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {{
        const float likeliest = (float){prefix}_predict(pixels, probabilities);
        fwrite(&likeliest, sizeof likeliest, 1, stdout);
        fwrite(probabilities, sizeof probabilities, 1, stdout);
    }}
    return 0;
}}
"""
"""A program of a user's own, which prints the likeliest class and all probabilities as floats."""


def installed(name: str) -> str:
    """The path of a compiler; the test is skipped where there is none."""
    path = shutil.which(name)
    if path is None:
        reason = f"no {name}: install it to compile exported models"
        if os.environ.get(REQUIRED) and name == "gcc":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def compiled(folder: Path, *arguments: object, compiler: str = "gcc") -> Path:
    """The program or object that these sources and options make."""
    program = folder / "a.out"
    command = [installed(compiler), *STRICT, *map(str, arguments), "-o", str(program), "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return program


def predicted(program: Path, images: Pixels, classes: int) -> tuple[Array, Array]:
    """What the driver prints: the likeliest class and the probabilities of each picture."""
    done = subprocess.run([program], input=images.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    rows = np.frombuffer(done.stdout, np.float32).reshape(len(images), 1 + classes)
    return rows[:, 0].astype(int), rows[:, 1:]


def driven(folder: Path, source: str, model: Model, images: Pixels, *options: str) -> tuple[Array, Array]:
    """The likeliest classes and probabilities by a program that calls the exported file, named model.c."""
    (folder / "model.c").write_text(source, encoding="ascii")
    (folder / "driver.c").write_text(DRIVER.format(prefix="model", P="MODEL"), encoding="ascii")
    program = compiled(folder, "model.c", "driver.c", *options)
    return predicted(program, images, len(model.classes))


def sections(folder: Path, *options: str) -> dict[str, dict[str, int]]:
    """Sizes of model.c's symbols, by the letter that nm gives to where they lie."""
    # Code that may lie anywhere has its pointers in RAM, since they must be mended.
    target = compiled(folder, "-c", "-fno-pie", "model.c", *options)
    listed = subprocess.run(["nm", "-S", target], capture_output=True, text=True, check=True).stdout
    sizes: dict[str, dict[str, int]] = {}
    for fields in map(str.split, listed.splitlines()):
        if len(fields) == 4:
            sizes.setdefault(fields[2].lower(), {})[fields[3]] = int(fields[1], 16)
        else:
            sizes.setdefault(fields[-2].lower(), {})[fields[-1]] = 0
    return sizes
