"""What one eager `Searcher.search` takes above the engine's own: `python -m benchmarks.eager_call`.

One query at a time, medians, in turns with the engine called by itself from Python, on the GloVe
data and on 30,000 x 32.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import tensorflow_scann as tfscann
from benchmarks import datasets, downloads, machine
from tensorflow_scann import _engine

ROUNDS = 7
QUERIES = 2000


def main() -> None:
    print(machine.describe()["cpu"])
    small = np.random.default_rng(0).normal(size=(30_000, 32)).astype(np.float32)
    glove = datasets.glove(downloads.cache_folder())
    for candidates, queries in (
        (small, small[:QUERIES]),
        (np.load(glove.candidates_path), np.load(glove.queries_path)[:QUERIES]),
    ):
        _measure(candidates, queries)


def _measure(candidates: np.ndarray, queries: np.ndarray) -> None:
    searcher = tfscann.Searcher.build(candidates, progress=False)
    info = searcher.info()
    effort = (info.num_leaves_to_search, info.num_reordering_candidates)
    with tempfile.TemporaryDirectory() as folder:
        searcher.save(Path(folder) / "index")
        index = _engine.Index.open(str(Path(folder) / "index"))
        calls: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
            "engine": (lambda query: index.search(query, info.k, *effort), list(queries)),
            "Searcher.search of an array": (searcher.search, list(queries)),
            "Searcher.search of a tensor": (searcher.search, [tf.constant(q) for q in queries]),
        }
        medians: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, (call, arguments) in calls.items():
                medians[name].append(_median_microseconds(call, arguments))
    engine = min(medians["engine"])
    print(f"{info.num_candidates} x {info.dimensions}: engine {engine:.1f} us")
    for name in list(calls)[1:]:
        took = min(medians[name])
        print(f"  {name}: {took:.1f} us, {took - engine:.1f} above the engine")


def _median_microseconds(call: Callable[[Any], Any], arguments: list[Any]) -> float:
    times = []
    for argument in arguments:
        start = time.perf_counter_ns()
        call(argument)
        times.append(time.perf_counter_ns() - start)
    return float(np.median(times)) / 1000


if __name__ == "__main__":
    main()
