"""How kernels are compiled: the only place with Numba's options."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config, event
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typed_passes import NativeLowering

from handgrad.fused.cache import KernelCache, unkept
from handgrad.fused.unrolling import unrolled

FASTMATH = {"contract", "nsz"}
"""Multiply-add in one, −0 as 0.

`nnan` and `ninf` are left out: they would let the compiler hide a NaN. So are `reassoc` and `arcp`: a kernel exists
by itself and within each of its callers, optimized separately, and the process that compiles may run another copy than
those that read the cache; each copy would add in its own order.
"""

_KERNELS = ("convolution", "pooling", "dense", "optimizer")
"""Modules whose functions write no array argument that overlaps another."""

LINE = 64
"""Bytes of a cache line."""

_ENTRIES = ("passes", "optimizer", "spinning", "warping")
"""Modules whose functions are called from Python and kept on disk, together with the kernels that they call."""


class _KernelLower(Lower):
    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)  # type: ignore[no-untyped-call]
        # Vectors that do not fit in registers go to the stack: where it is not aligned, every other one straddles two
        # cache lines. A kernel that is inlined has its caller's stack.
        self.function.attributes.alignstack = LINE
        self.function.attributes.add("noinline")


@register_pass(mutates_CFG=True, analysis_only=False)  # type: ignore[no-untyped-call]
class _KernelLowering(NativeLowering):
    _name = "handgrad_kernel_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _KernelLower


class _KernelCompiler(Compiler):
    """Numba's compiler, which assumes that no array argument of a kernel overlaps one that it writes."""

    def define_pipelines(self) -> Any:
        self.state.flags.noalias = True
        pipelines = super().define_pipelines()  # type: ignore[no-untyped-call]
        for pipeline in pipelines:
            pipeline.passes = [
                (_KernelLowering if step is NativeLowering else step, title) for step, title in pipeline.passes
            ]
            pipeline.finalize()
        return pipelines


class Suite(dict[str, Any]):
    """Kernels by name, each made when it is first looked up and compiled when it is first called.

    A kernel that is on disk already needs none of those that it calls. `suffix` distinguishes suites of the same
    `sizes`, e.g. by their precision. A function of one suffix must always be called with the same types: then
    processes that write the cache at once all write the same file.
    """

    def __init__(self, templates: Iterable[Callable[..., Any]], sizes: Mapping[str, int], suffix: str) -> None:
        super().__init__()
        self._templates = {template.__name__: template for template in templates}
        self._sizes = sizes
        self._suffix = "_".join((*(f"{name}{value}" for name, value in sizes.items()), suffix, _fingerprint()))
        self._lock = threading.RLock()

    def __contains__(self, name: object) -> bool:
        return name in self._templates

    def __missing__(self, name: str) -> Any:
        template = self._templates[name]
        with self._lock:
            if name not in self.keys():
                self[name] = _compiled(unrolled(template, self._sizes, self, self._suffix), template)
        return self[name]


def _compiled(function: Callable[..., Any], template: Callable[..., Any]) -> Any:
    # Kernels allocate nothing: to count who uses which array would cost more than a small one's work.
    options: dict[str, Any] = {"nogil": True, "fastmath": FASTMATH, "error_model": "numpy", "_nrt": False}
    module = template.__module__.rpartition(".")[2]
    if module not in _ENTRIES:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    if module in _KERNELS:
        options["pipeline_class"] = _KernelCompiler
    kernel = numba.njit(**options)(function)
    if module in _ENTRIES and not config.DISABLE_JIT:  # type: ignore[attr-defined]
        try:
            kernel._cache = KernelCache(function)
        except RuntimeError:  # nowhere to write: every process compiles for itself
            unkept.append(function.__name__)
    return kernel


@dataclass
class Compilation:
    """Seconds that compilation took, and whether all kernels are kept for the next process."""

    seconds: float = 0.0
    kept: bool = True


class _Listener(event.TimingListener):
    def __init__(self, begin: Callable[[], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.begin, self.begun = begin, False

    def on_start(self, event: Any) -> None:
        if not self.begun:
            self.begun = True
            self.begin()
        super().on_start(event)  # type: ignore[no-untyped-call]


@contextmanager
def announced(begin: Callable[[], None]) -> Iterator[Compilation]:
    """Yield what is compiled while this is open; `begin` is called before the first kernel."""
    listener, before, compilation = _Listener(begin), len(unkept), Compilation()
    with event.install_listener("numba:compile", listener):
        yield compilation
    compilation.seconds = listener.duration if listener.done else 0.0
    compilation.kept = len(unkept) == before


@cache
def _fingerprint() -> str:
    """Digest all that a compiled kernel depends on, whatever a file's date: sources, processor, compiler, options."""
    target = cpu_target.target_context.codegen().magic_tuple()
    options = (config.OPT, config.BOUNDSCHECK)  # type: ignore[attr-defined]
    digest = hashlib.sha256(repr((target, numba.__version__, llvmlite.__version__, options)).encode())
    for module in ("unrolling", "compilation", "vectors", "llvm", "images", *_KERNELS, *_ENTRIES):
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()[:12]
