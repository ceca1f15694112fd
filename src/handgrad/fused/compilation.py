"""How kernels are compiled: the only place with Numba's options."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import llvmlite
import numba
from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import config, event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typed_passes import NativeLowering

from handgrad.fused.cache import KernelCache, is_kept, unkept
from handgrad.fused.unrolling import unrolled

FASTMATH = {"contract", "nsz"}
"""Multiply-add in one, −0 as 0.

`nnan` and `ninf` are left out: they would let the compiler hide a NaN. So are `reassoc` and `arcp`: a kernel exists
by itself and within each of its callers, optimized separately, and the process that compiles may run another copy than
those that read the cache; each copy would add in its own order.
"""

_MODULES = ("convolution", "pooling", "rolled", "dense", "images", "passes", "optimizer", "spinning", "warping")
"""Modules with kernels."""

_DISTINCT = ("convolution", "pooling", "rolled", "dense", "optimizer")
"""Those whose functions write no array argument that overlaps another."""

LINE = 64
"""Bytes of a cache line."""

Compiling: TypeAlias = Callable[[str, int, int], None]
"""Told of each kernel before it is compiled: its name, and that it is the one after so many of how many."""


class _KernelLower(Lower):
    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)  # type: ignore[no-untyped-call]
        # Vectors that do not fit in registers go to the stack: where it is not aligned, every other one straddles two
        # cache lines. A kernel that is inlined has its caller's stack.
        self.function.attributes.alignstack = LINE
        self.function.attributes.add("noinline")


class _PartLibrary(JITCodeLibrary):
    """The code of a kernel that only kernels call: linked into theirs, where all of it is optimized together, once."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)  # type: ignore[no-untyped-call]
class _Lowering(NativeLowering):
    _name = "handgrad_lowering"
    distinct, part = False, False

    @property
    def lowering_class(self) -> type[Lower]:
        return _KernelLower if self.distinct else Lower

    def run_pass(self, state: Any) -> bool:
        if not self.part:
            return bool(super().run_pass(state))  # type: ignore[no-untyped-call]
        state.flags.no_compile = True
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)  # type: ignore[no-untyped-call]
        super().run_pass(state)  # type: ignore[no-untyped-call]

        lowered, name = state["cr"], state.func_id.func_name
        # Numba's handle of the code, with no address: nothing but kernels calls it.
        handle = _dynfunc.make_function(lowered.fndesc.lookup_module(), name, "", 0, lowered.env, (state.library,))
        state.targetctx.insert_user_function(handle, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=handle)
        return True


@cache
def _compiler(distinct: bool, part: bool) -> type[Compiler]:
    """Return Numba's compiler for a kernel of distinct arrays, and for one that only kernels call."""
    name = f"_Lowering{distinct:d}{part:d}"
    lowering = register_pass(mutates_CFG=True, analysis_only=False)(  # type: ignore[no-untyped-call]
        type(name, (_Lowering,), {"_name": name, "distinct": distinct, "part": part})
    )

    class _Compiler(Compiler):
        def define_pipelines(self) -> Any:
            self.state.flags.noalias = distinct
            pipelines = super().define_pipelines()  # type: ignore[no-untyped-call]
            for pipeline in pipelines:
                pipeline.passes = [
                    (lowering if step is NativeLowering else step, title) for step, title in pipeline.passes
                ]
                pipeline.finalize()
            return pipelines

    return _Compiler


class Suite(dict[str, Any]):
    """Kernels by name, each made when it is first looked up and compiled when it is first called.

    A kernel that is on disk already needs none of those that it calls. `suffix` distinguishes suites of the same
    `sizes`, e.g. by their precision. A function of one suffix must always be called with the same types: then
    processes that write the cache at once all write the same file. `like` is a suite of the same templates, from which
    come the kernels that do not depend on the sizes in which the two differ.
    """

    def __init__(
        self,
        templates: Iterable[Callable[..., Any]],
        sizes: Mapping[str, int],
        suffix: str,
        like: Suite | None = None,
    ) -> None:
        super().__init__()
        self._like, self._sizes = like, sizes
        self._own = {name for name in sizes if like is not None and sizes[name] != like._sizes[name]}
        self._templates = {template.__name__: template for template in templates}
        self._parts = {name for template in self._templates.values() for name in template.__code__.co_names}
        self._suffix = "_".join((*(f"{name}{value}" for name, value in sizes.items()), suffix, _fingerprint()))
        self._lock = threading.RLock()

    def __contains__(self, name: object) -> bool:
        return name in self._templates

    def pending(self, *names: str) -> int:
        """Return how many kernels a call of these compiles: none of what is on disk or compiled already."""
        found: set[str] = set()
        waiting = list(names)
        while waiting and not config.DISABLE_JIT:  # type: ignore[attr-defined]
            name = waiting.pop()
            kernel = self[name]
            if name not in found and not kernel.overloads and not (name not in self._parts and is_kept(kernel)):
                found.add(name)
                waiting += (called for called in kernel.py_func.__code__.co_names if called in self)
        return len(found)

    def _is_own(self, name: str) -> bool:
        """Return whether a kernel, or one that it calls, names a size of this suite alone."""
        names = self._templates[name].__code__.co_names
        return not self._own.isdisjoint(names) or any(self._is_own(called) for called in names if called in self)

    def __missing__(self, name: str) -> Any:
        template = self._templates[name]
        with self._lock:
            if name not in self.keys():
                if self._like is not None and not self._is_own(name):
                    self[name] = self._like[name]
                    return self[name]
                function = unrolled(template, self._sizes, self, self._suffix)
                vars(function)["kernel"] = name
                self[name] = _compiled(function, template.__module__.rpartition(".")[2], name in self._parts)
        return self[name]


def _compiled(function: Callable[..., Any], module: str, part: bool) -> Any:
    # Kernels allocate nothing: to count who uses which array would cost more than a small one's work.
    options: dict[str, Any] = {"nogil": True, "fastmath": FASTMATH, "error_model": "numpy", "_nrt": False}
    if part:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    kernel = numba.njit(**options, pipeline_class=_compiler(module in _DISTINCT, part))(function)
    if not part and not config.DISABLE_JIT:  # type: ignore[attr-defined]
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
    def __init__(self, compiling: Compiling, total: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.compiling, self.total, self.begun = compiling, total, 0

    def on_start(self, event: Any) -> None:
        kernel = vars(event.data["dispatcher"].py_func).get("kernel")
        if kernel:  # Numba compiles functions of its own, too
            self.compiling(kernel, self.begun, max(self.total, self.begun + 1))
            self.begun += 1
        super().on_start(event)  # type: ignore[no-untyped-call]


@contextmanager
def announced(compiling: Compiling, total: int = 0) -> Iterator[Compilation]:
    """Yield what is compiled while this is open; `compiling` hears of each kernel, of a `total` that is expected."""
    listener, before, compilation = _Listener(compiling, total), len(unkept), Compilation()
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
    for module in ("unrolling", "compilation", "vectors", "llvm", *_MODULES):
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()[:12]
