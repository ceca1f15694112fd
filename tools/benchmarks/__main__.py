"""``python -m tools.benchmarks``: write ``results.json``, ``docs/performance.md`` and its figures."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from handgrad import engine as engines
from tools import DOCS, ROOT
from tools.benchmarks import cold, growth, machine, peak, process, report, startup
from tools.benchmarks.measure import Effort, Peer, measure, say
from tools.benchmarks.networks import NETWORKS
from tools.benchmarks.worker import Worker

_COMPILER_CACHE = Path(sys.prefix) / "inductor"
_ONE_IMAGE = ("A", "B")


def main() -> int:
    """Run the chosen measurements."""
    options = _options()
    results_file = options.out / "results.json"
    if not options.report_only:
        started = time.perf_counter()
        results = _measure_all(options)
        results["seconds"] = time.perf_counter() - started
        options.out.mkdir(parents=True, exist_ok=True)
        results_file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    results = json.loads(results_file.read_text())
    report.write(results, options.docs)
    print(f"written to {options.docs / 'performance.md'}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test: one network, few turns; figures mean nothing"
    )
    parser.add_argument("--networks", default=None, help="letters of the networks to measure; all, or D")
    parser.add_argument("--report-only", action="store_true", help="write the document again from results.json")
    parser.add_argument("--out", type=Path, default=None, help="folder of results.json")
    parser.add_argument("--docs", type=Path, default=None, help="folder of performance.md and images/")
    options = parser.parse_args()
    # A smoke test must not replace real figures.
    quick_out = ROOT / "runs" / "bench-quick"
    options.out = options.out or (quick_out if options.quick else Path(__file__).parent)
    options.docs = options.docs or (quick_out if options.quick else DOCS)
    options.networks = options.networks or ("D" if options.quick else "".join(NETWORKS))
    return options


def _measure_all(options: argparse.Namespace) -> dict[str, Any]:
    quick = options.quick
    effort = Effort(rounds=2, turn_seconds=0.02) if quick else Effort(rounds=6, turn_seconds=0.12)
    results: dict[str, Any] = {"quick": quick, "machine": machine.description()}
    peaks = [peak.measure(0.02 if quick else 0.1)]
    results["networks"] = {}
    with ExitStack() as stack:
        peers = _peers(stack)
        for name in options.networks:
            tasks = ("step", "predict", "predict one") if name in _ONE_IMAGE else ("step", "predict")
            results["networks"][name] = measure(NETWORKS[name], peers, tasks, effort)
            peaks.append(peak.measure(0.02 if quick else 0.1))
    results["peak"] = peak.best(peaks)
    say("start of a process")
    try:
        results["startup"] = startup.measure(1 if quick else 5)
    except process.ProcessError as error:
        results["startup"] = {"absent": f"a process failed: {error}"}
    say("growth")
    results["growth"] = growth.measure(partial(engines.create, "fused"), 1 if quick else 3, quick=quick)
    say("cold process")
    results["cold"] = {"absent": "left out of the smoke test"} if quick else cold.measure(3)
    return results


def _peers(stack: ExitStack) -> list[Peer]:
    def worker(module: str, **environment: str) -> Worker:
        started = Worker(f"tools.benchmarks.contestants.{module}", environment)
        stack.callback(started.close)
        return started

    # PyTorch's compiled graphs are kept between runs, in the benchmark's own environment.
    compiled = {"TORCHINDUCTOR_CACHE_DIR": os.fspath(_COMPILER_CACHE)}
    return [
        Peer(worker("engines"), ours=True),
        Peer(worker("engines"), ours=True, listing="oracle_variants"),
        Peer(worker("pytorch", **compiled)),
        Peer(worker("jax_xla")),
        Peer(worker("onnx_runtime")),
        Peer(worker("multilayer_perceptron"), compared=False),
    ]


if __name__ == "__main__":
    sys.exit(main())
