"""The exported C file: it computes what the notes compute, in the memory that its head tells, whatever the network."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.export.c import Accuracy, export
from handgrad.export.c.memory import measure
from handgrad.export.quantization import rounded
from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.text import printable
from handgrad.typing import Array, Pixels
from tests.export.compiling import SANITISED, STRICTER, compiled, driven, installed, sections
from tests.notes.strategies import architectures, filled, generators

SMALL = Architecture(input_shape=(9, 8, 1), classes=2, stages=((2, 3),), hidden=(4,))


def drawn(architecture: Architecture, rng: np.random.Generator, dtype: str = "float32", **names: str) -> Model:
    """A model with random parameters and figures."""
    depth = architecture.input_shape[2]
    figures = Standardization(tuple(rng.uniform(60, 180, depth)), tuple(rng.uniform(20, 90, depth)))
    classes = tuple(names.get(f"class_{k}", f"class {k}") for k in range(architecture.classes))
    return Model(filled(architecture, rng, dtype), classes, figures, {"command": "handgrad train photos", "seed": 0})


def source_of(model: Model, **options: Any) -> str:
    return export(model, **options).content.decode("ascii")


def noise(architecture: Architecture, rng: np.random.Generator, count: int = 8) -> Pixels:
    return rng.integers(0, 256, (count, *architecture.input_shape), np.uint8)


def expected(model: Model, images: Pixels, int8: bool = False) -> Array:
    parameters = rounded(model.parameters) if int8 else model.parameters
    return network.predict(parameters.astype("float64"), model.standardization.apply(images, "float64"))


def agree(classes: Array, found: Array, wanted: Array) -> None:
    assert np.abs(found - wanted).max() < 1e-5
    # Two that are equally likely but for the rounding are both right.
    assert (wanted.max(axis=1) - wanted[np.arange(len(wanted)), classes] < 1e-5).all()


@pytest.fixture
def model() -> Model:
    return drawn(SMALL, np.random.default_rng(0))


@settings(max_examples=10, deadline=None)
@given(architectures(), generators, st.booleans(), st.sampled_from(["float32", "float64"]))
def test_any_network_gives_the_notes_probabilities_in_the_memory_it_states(
    architecture: Architecture, rng: np.random.Generator, int8: bool, dtype: str
) -> None:
    model = drawn(architecture, rng, dtype)
    images = noise(architecture, rng)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = source_of(model, int8=int8)
        classes, found = driven(folder, source, model, images, *STRICTER, *SANITISED)
        sizes = sections(folder)
    agree(classes, found, expected(model, images, int8))
    assert sum(sizes["b"].values()) == measure(model, int8).ram
    assert "d" not in sizes
    # The names themselves have no symbol, and a pointer to one is longer here.
    del sizes["r"]["model_class_names"]
    names = sum(len(each) + 1 + 4 for each in model.classes)
    assert sum(sizes["r"].values()) == measure(model, int8).constants - names


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_its_main_tries_the_parity_vector_and_predicts_what_stdin_holds(
    model: Model, tmp_path: Path, compiler: str, int8: bool
) -> None:
    (tmp_path / "model.c").write_text(source_of(model, int8=int8), encoding="ascii")
    program = compiled(tmp_path, "model.c", "-DHANDGRAD_MAIN", *STRICTER, *SANITISED, compiler=compiler)
    images = noise(SMALL, np.random.default_rng(1), 5)
    done = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True)
    wanted = expected(model, images, int8)
    lines = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [line[0] for line in lines] == [model.classes[k] for k in wanted.argmax(axis=1)]
    assert [float(line[1]) for line in lines] == pytest.approx(wanted.max(axis=1), abs=1e-5)
    partial = subprocess.run([program], input=images.tobytes()[:-1], capture_output=True, text=False)
    assert (partial.returncode, partial.stdout.count(b"\n")) == (2, 4)
    assert partial.stderr == b"stdin: ends within a picture of 72 bytes\n"


@pytest.mark.parametrize("name", ["F1", "F2", "w1", "b1", "w2", "b2", "mean", "std"])
def test_a_wrong_number_fails_the_parity(model: Model, tmp_path: Path, name: str) -> None:
    # The table's last number, made larger by a half.
    source, count = re.subn(
        rf"(static const float {name}\[[^;]*?)(-?[\d.e-]+)(f[}},\s]*;)",
        lambda match: f"{match[1]}{1.5 * float(match[2])}{match[3]}",
        source_of(model),
        flags=re.DOTALL,
    )
    assert count == 1
    (tmp_path / "model.c").write_text(source, encoding="ascii")
    done = subprocess.run([compiled(tmp_path, "model.c", "-DHANDGRAD_MAIN")], input=b"", capture_output=True)
    assert done.returncode == 1
    assert re.fullmatch(rb"parity: class \d has 0\.\d{7} instead of 0\.\d{7}\n", done.stderr)


def test_nothing_is_linked_but_math(model: Model, tmp_path: Path) -> None:
    (tmp_path / "model.c").write_text(source_of(model), encoding="ascii")
    # memmove and its like belong to a compiler, even to one without a library.
    assert set(sections(tmp_path, "-Os")["u"]) - {"memcpy", "memmove", "memset"} == {"expf"}


def test_two_models_in_one_program(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    models = {prefix: drawn(SMALL, rng) for prefix in ("S1", "wide_model")}
    for prefix, each in models.items():
        (tmp_path / f"{prefix}.c").write_text(source_of(each, prefix=prefix), encoding="ascii")
    (tmp_path / "main.c").write_text(
        """\
#define S1_DECLARATIONS
#define WIDE_MODEL_DECLARATIONS
#include "S1.c"
#include "wide_model.c"
#include <stdio.h>
int main(void)
{
    static const uint8_t pixels[S1_IMAGE_HEIGHT * S1_IMAGE_WIDTH * S1_IMAGE_DEPTH];
    float p[S1_CLASSES], q[WIDE_MODEL_CLASSES];
    S1_predict(pixels, p);
    wide_model_predict(pixels, q);
    printf("%.9g %.9g\\n", (double)p[0], (double)q[0]);
    return 0;
}
""",
        encoding="ascii",
    )
    done = subprocess.run(
        [compiled(tmp_path, "S1.c", "wide_model.c", "main.c")], capture_output=True, text=True, check=True
    )
    black = np.zeros((1, *SMALL.input_shape), np.uint8)
    wanted = [expected(each, black)[0, 0] for each in models.values()]
    assert [*map(float, done.stdout.split())] == pytest.approx(wanted, abs=1e-5)


def test_a_picture_that_comes_row_by_row_may_be_abandoned_and_too_many_rows_are_ignored(
    model: Model, tmp_path: Path
) -> None:
    (tmp_path / "model.c").write_text(source_of(model), encoding="ascii")
    (tmp_path / "main.c").write_text(
        """\
#define MODEL_DECLARATIONS
#include "model.c"
#include <stdio.h>
int main(void)
{
    static uint8_t row[MODEL_IMAGE_WIDTH * MODEL_IMAGE_DEPTH];
    float p[MODEL_CLASSES];
    for (int i = 0; i < 5; i++)
        model_row(row);
    model_begin();
    for (int i = 0; i < 3 * MODEL_IMAGE_HEIGHT; i++) {
        row[0] = (uint8_t)(20 * i);
        model_row(row);
    }
    model_end(p);
    printf("%.9g\\n", (double)p[0]);
    return 0;
}
""",
        encoding="ascii",
    )
    done = subprocess.run(
        [compiled(tmp_path, "model.c", "main.c", *SANITISED)], capture_output=True, text=True, check=True
    )
    image = np.zeros((1, *SMALL.input_shape), np.uint8)
    image[0, :, 0, 0] = 20 * np.arange(len(image[0]))
    assert float(done.stdout) == pytest.approx(expected(model, image)[0, 0], abs=1e-5)


HOSTILE = [
    'quote " and \\ and \\n',
    "*/ int main(void) { /*",
    "what??/",
    "??)??!??'",
    "line\nbreak\ttab\x00zero\x7f",
    "größe 漢字 🙂 \u202e\u2067",
    "\\",
    "0123",
    "%s%n",
    " ",
]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=8, unique=True))
def test_names_are_what_they_were_and_harm_nothing(names: list[str]) -> None:
    check_names(names)


def test_hostile_names_are_what_they_were_and_harm_nothing() -> None:
    check_names(HOSTILE)


def check_names(names: list[str]) -> None:
    architecture = Architecture(input_shape=(4, 4, 1), classes=len(names), stages=((1,),), hidden=())
    figures = Standardization((0.0,), (1.0,))
    provenance = {"command": " ".join(names), "data": {"source": names[0], "sha256": names[1]}}
    model = Model(Parameters.zeros(architecture), tuple(names), figures, provenance)
    printing = """\
#define MODEL_DECLARATIONS
#include "model.c"
#include <stdio.h>
int main(void)
{
    for (int k = 0; k < MODEL_CLASSES; k++)
        printf("%s%c", model_class_names[k], 255);
    return 0;
}
"""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.c").write_text(source_of(model), encoding="ascii")
        (Path(folder) / "main.c").write_text(printing, encoding="ascii")
        program = compiled(Path(folder), "model.c", "main.c", *STRICTER, "-Wtrigraphs")
        out = subprocess.run([program], capture_output=True, check=True).stdout
    found = out.split(b"\xff")[:-1]
    assert found == [printable(name).encode() for name in names]


def test_the_head_states_network_memory_and_origin(model: Model) -> None:
    accuracy = Accuracy("photos", "test", 1200, 0.9721, 0.97)
    head = source_of(model, int8=True, accuracy=accuracy).partition("*/\n#include")[0]
    for words in (
        "Classes: class 0, class 1.",
        "command: handgrad train photos",
        "accuracy 97.00 % with int8 weights, 97.21 % without: -0.21 points, on 1,200 images of photos (test)",
        "N3: T1 = convolve(X, F1), 7 x 6 x 2\n *   N5: H1 = relu(T1), 7 x 6 x 2",
        "N6: T2 = convolve(H1, F2), 5 x 4 x 3\n *   N7: U2 = pool(T2), 2 x 2 x 3",
        f"flash  {measure(model, True).constants} of constants",
        f"RAM    {measure(model, True).ram}, static",
        "Filters and dense weights are int8",
    ):
        assert words in head


def test_a_model_of_doubles_says_so(model: Model) -> None:
    double = Model(model.parameters.astype("float64"), model.classes, model.standardization)
    assert "the model is of doubles" in source_of(double)
    assert "doubles" not in source_of(model)


def test_equal_models_give_equal_files(model: Model) -> None:
    again = Model(model.parameters.copy(), model.classes, model.standardization, dict(model.provenance))
    assert source_of(again) == source_of(model)


def test_int8_takes_a_quarter(model: Model) -> None:
    large = drawn(Architecture(input_shape=(28, 28, 1), classes=10, hidden=(32,)), np.random.default_rng(0))
    assert measure(large, int8=True).constants < 0.27 * measure(large, int8=False).constants


@pytest.mark.parametrize("prefix", ["", "2nd", "a-b", "é", "_x", "a b", "a\n"])
def test_a_prefix_that_is_no_name_is_refused(model: Model, prefix: str) -> None:
    with pytest.raises(InputError, match="prefix="):
        source_of(model, prefix=prefix)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("tiles-2.c", "tiles_2"),
        ("2.c", "model_2"),
        ("é.c", "model"),
        ("_.C", "model"),
        ("a b*.c", "a_b"),
        ("int.c", "int"),
    ],
)
def test_a_file_names_its_functions(model: Model, tmp_path: Path, name: str, prefix: str) -> None:
    source = source_of(model, name=name)
    assert f"int {prefix}_predict(const uint8_t *pixels" in source
    (tmp_path / "other.c").write_text(source, encoding="ascii")
    compiled(tmp_path, "-c", "other.c")


def test_the_head_says_how_to_compile_this_file(model: Model) -> None:
    source = source_of(model, name="tiles-2.c", prefix="tile")
    assert "cc -std=c99 -Os -c tiles-2.c, and link" in source
    assert '#define TILE_DECLARATIONS and #include "tiles-2.c" where' in source


def test_programs_in_cpp_call_it_too(model: Model, tmp_path: Path) -> None:
    (tmp_path / "model.c").write_text(source_of(model), encoding="ascii")
    (tmp_path / "main.cpp").write_text(
        """\
#define MODEL_DECLARATIONS
#include "model.c"
int main()
{
    static const uint8_t pixels[MODEL_IMAGE_HEIGHT * MODEL_IMAGE_WIDTH * MODEL_IMAGE_DEPTH] = {};
    float probabilities[MODEL_CLASSES];
    return model_predict(pixels, probabilities) < 0 || model_class_names[1][6] != '1';
}
""",
        encoding="ascii",
    )
    compiled(tmp_path, "-c", "model.c").rename(tmp_path / "model.o")
    program = tmp_path / "a.out"
    subprocess.run([installed("g++"), "main.cpp", "model.o", "-o", program, "-lm"], cwd=tmp_path, check=True)
    subprocess.run([program], check=True)


def test_numbers_that_no_float_holds_are_refused(model: Model) -> None:
    huge = model.parameters.astype("float64")
    huge["b1"][0] = 1e300
    for int8 in (False, True):
        with pytest.raises(InputError, match="no float can"):
            source_of(Model(huge, model.classes, model.standardization), int8=int8)
    with pytest.raises(InputError, match="float32 has no room"):
        source_of(Model(model.parameters, model.classes, Standardization((0.0,), (1e-60,))))


def test_a_name_too_long_for_c_is_refused(model: Model) -> None:
    with pytest.raises(InputError, match="at most 4095 bytes"):
        source_of(Model(model.parameters, ("a", "é" * 2048), model.standardization))
