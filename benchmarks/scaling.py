"""How the cost of a query grows with the candidates and with the dimensions.

`python -m benchmarks.scaling` builds the default index of every shape, in a process of its own and
from batches, as a catalogue larger than memory would be built; searches it with a grid of settings,
one query at a time and in a batch, on one thread; and prints, and writes, the time of a query at
recall@10 0.95, interpolated on the frontier of the grid, with what the build took. An exponent says
how the time grows with the number of candidates from one size to the next: 0.5 is the square root.

Up to 331,479 candidates are word vectors (GloVe, 100 dims, or their first 32 dims); more
candidates, and more dims, are made as `datasets.TwoTower` describes, batch by batch.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks import datasets, downloads, frontier, machine
from benchmarks.datasets import Floats
from benchmarks.peers.ours import LEAVES_TO_SEARCH, REORDERED, load_engine
from benchmarks.peers.worker import memory_bytes

TARGET, K = 0.95, 10
QUERIES = 2000
BATCH = 100_000
PASSES = 3


@dataclass(frozen=True)
class Shape:
    """n candidates of d dims; `data` is "glove" or "two-tower"."""

    data: str
    n: int
    d: int


GROWTH = (
    Shape("glove", 10_000, 100),
    Shape("glove", 33_000, 100),
    Shape("glove", 100_000, 100),
    Shape("glove", 331_479, 100),
    Shape("two-tower", 100_000, 64),
    Shape("two-tower", 300_000, 64),
    Shape("two-tower", 1_000_000, 64),
)
LARGEST = Shape("two-tower", 5_000_000, 64)
DIMENSIONS = (
    Shape("glove", 331_479, 32),
    Shape("two-tower", 100_000, 256),
    Shape("two-tower", 100_000, 384),
    Shape("two-tower", 100_000, 768),
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--largest", action="store_true", help="5,000,000 candidates, too")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent / "results")
    parsed = parser.parse_args(arguments)
    shapes = [*GROWTH, *([LARGEST] if parsed.largest else []), *DIMENSIONS]
    results = []
    for shape in shapes:
        # Peak memory is that of one shape.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measure, (shape,)))
        print(json.dumps(results[-1]), flush=True)
    text = report(results)
    print(text)
    parsed.output.mkdir(parents=True, exist_ok=True)
    stem = f"scaling_{datetime.date.today():%Y-%m-%d}"
    (parsed.output / f"{stem}.md").write_text(text)
    (parsed.output / f"{stem}.json").write_text(json.dumps(results, indent=1) + "\n")


def measure(shape: Shape) -> dict[str, Any]:
    """Builds the index of a shape, and times it."""
    queries, batches = data_of(shape)
    engine = load_engine()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/index"
        builder = engine.Builder(path, shape.d, {"distance_measure": "dot_product", "k": K})
        truth = TopRows(queries)
        seconds = 0.0
        for batch in batches:
            start = time.perf_counter()
            builder.add(batch)
            seconds += time.perf_counter() - start
            truth.add(batch)
        start = time.perf_counter()
        builder.finish(threads=os.cpu_count() or 1)
        seconds += time.perf_counter() - start
        result = {
            "data": shape.data,
            "n": shape.n,
            "d": shape.d,
            "build_seconds": seconds,
            "peak_megabytes": memory_bytes("VmHWM") / 1e6,
            "index_megabytes": Path(path).stat().st_size / 1e6,
        }
        index = engine.Index.open(path)
        return result | times_at_target(index, queries, truth.rows)


def data_of(shape: Shape) -> tuple[Floats, Iterator[Floats]]:
    """The queries of a shape, and its candidates in batches."""
    if shape.data == "glove":
        glove = datasets.glove(downloads.cache_folder())
        candidates = np.load(glove.candidates_path, mmap_mode="r")[: shape.n, : shape.d]
        queries = datasets.unit(np.load(glove.queries_path)[:QUERIES, : shape.d])
        starts = range(0, shape.n, BATCH)
        return queries, (datasets.unit(candidates[start : start + BATCH]) for start in starts)
    recipe = datasets.TwoTower(shape.d, seed=0)
    return recipe.queries(QUERIES), recipe.candidates(shape.n, BATCH)


class TopRows:
    """The exact best K candidates of each query, of batches that come one after another."""

    def __init__(self, queries: Floats) -> None:
        self._queries = queries
        self._scores = np.full((len(queries), K), -np.inf, np.float32)
        self.rows = np.full((len(queries), K), -1, np.int64)
        self._count = 0

    def add(self, batch: Floats) -> None:
        """Takes a batch of candidates into account."""
        k = min(K, len(batch))
        found = datasets.exact_neighbours(batch, self._queries, k).astype(np.int64)
        scores = np.einsum("qd,qkd->qk", self._queries, batch[found])
        scores = np.concatenate([self._scores, scores], axis=1)
        rows = np.concatenate([self.rows, found + self._count], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        self._scores = np.take_along_axis(scores, best, axis=1)
        self.rows = np.take_along_axis(rows, best, axis=1)
        self._count += len(batch)


def times_at_target(index: Any, queries: Floats, truth: Any) -> dict[str, Any]:
    """Microseconds of a query at the target recall, alone and in a batch, on one thread."""
    leaves_of_index = json.loads(index.describe())["num_leaves"]
    if leaves_of_index is None:
        settings: list[dict[str, int]] = [{}]
    else:
        grid = sorted(
            {
                min(leaves_of_index, round(f * leaves))
                for f in (0.5, 1, 2)
                for leaves in LEAVES_TO_SEARCH
            }
        )
        settings = [
            {"num_leaves_to_search": leaves, "num_reordering_candidates": reordered}
            for leaves in grid
            for reordered in REORDERED[1::2]
        ]
    points: list[tuple[float, dict[str, int]]] = []
    for setting in settings:
        rows = index.search(queries, K, **setting)[1]
        recall = float((rows[:, :, None] == truth[:, None, :]).any(axis=2).mean())
        if not points or recall > TARGET - 0.05:
            points.append((recall, setting))
        if recall > TARGET + 0.03:
            break
    timed: dict[str, list[float]] = {"single": [], "batch": []}
    for _, setting in points:
        timed["single"].append(
            seconds_of(lambda s=setting: [index.search(q, K, **s) for q in queries])
        )
        timed["batch"].append(seconds_of(lambda s=setting: index.search(queries, K, **s)))
    result: dict[str, Any] = {"num_leaves": leaves_of_index}
    for mode, seconds in timed.items():
        recalls = [recall for recall, _ in points]
        best = frontier.pareto(recalls, [1 / s for s in seconds])
        speed = frontier.at_recall(
            [recalls[i] for i in best], [1 / seconds[i] for i in best], TARGET
        )
        if speed is None:  # an exact index
            speed = 1 / seconds[best[-1]]
        result[f"{mode}_us"] = 1e6 / speed / len(queries)
    return result


def seconds_of(search: Any) -> float:
    """The fastest of some passes."""
    best = math.inf
    for _ in range(PASSES):
        start = time.perf_counter()
        search()
        best = min(best, time.perf_counter() - start)
    return best


def report(results: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    rows = []
    for i, result in enumerate(results):
        before = results[i - 1] if i else result
        exponent = ""
        if (
            before["data"] == result["data"]
            and before["d"] == result["d"]
            and before["n"] < result["n"]
        ):
            growth = math.log(result["single_us"] / before["single_us"])
            exponent = f"{growth / math.log(result['n'] / before['n']):.2f}"
        rows.append(
            [
                result["data"],
                f"{result['n']:,}",
                result["d"],
                "exact" if result["num_leaves"] is None else f"{result['num_leaves']:,}",
                f"{result['single_us']:.1f}",
                exponent,
                f"{result['batch_us']:.1f}",
                f"{result['build_seconds']:.1f}",
                f"{result['peak_megabytes']:,.0f}",
                f"{result['index_megabytes']:,.0f}",
            ]
        )
    headers = ["data", "candidates", "dims", "leaves", "us a query", "exponent", "us in a batch"]
    headers += ["build s", "peak MB", "index MB"]
    about = machine.describe()
    return (
        f"# A query at recall@{K} {TARGET}, by size\n\n"
        f"- `python -m benchmarks.scaling`, {datetime.date.today()}\n"
        f"- CPU: {about['cpu']}; {about['cpus']} processors\n\n"
        + tabulate(rows, headers, tablefmt="github", disable_numparse=True)
        + "\n"
    )


if __name__ == "__main__":
    main()
