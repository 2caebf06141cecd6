"""The process that runs one system: `python -m benchmarks.peers.worker MODULE:CLASS`.

One JSON object a line: a request arrives on stdin, its answer leaves on stdout. A request names its
operation in "op" (one of OPERATIONS); its other members are the arguments. An answer is the
operation's result, or {"error": message}. All timing happens here, so that it is the same for every
system; whatever a library prints goes to stderr.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapter import Adapter, Floats, Rows, Settings

Answer = dict[str, Any]

WARM_UP_QUERIES = 200


class Worker:
    """Holds the adapter, the queries and the exact answers; one method an operation.

    Paths are those of .npy and index files; an answer is a JSON object.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._queries: Floats = np.empty((0, 0), np.float32)
        self._truth: NDArray[np.int32] = np.empty((0, 0), np.int32)
        self._bytes_before = 0

    def describe(self, n: int, d: int) -> Answer:
        """Versions, and the grids of settings for n candidates of d dims."""
        builds = self._adapter.builds(n, d)
        searches = [self._adapter.searches(build, n, d) for build in builds]
        return {"versions": self._adapter.versions(), "builds": builds, "searches": searches}

    def build(self, candidates: str, folder: str, settings: Settings, threads: int) -> Answer:
        """Builds and writes an index: seconds for both, and the peak memory of this process."""
        rows = np.load(candidates)
        start = time.perf_counter()
        self._adapter.build(rows, settings, Path(folder), threads)
        return {"seconds": time.perf_counter() - start, "peak_bytes": memory_bytes("VmHWM")}

    def load(self, folder: str, queries: str, truth: str, settings: Settings, k: int) -> Answer:
        """Loads an index and asks a first query: seconds for each."""
        self._queries = np.load(queries)
        self._truth = np.load(truth)[:, :k]
        self._bytes_before = memory_bytes("VmRSS")
        start = time.perf_counter()
        self._adapter.load(Path(folder))
        loaded = time.perf_counter()
        self._adapter.single(settings, k)(self._queries[0])
        first = time.perf_counter() - loaded
        return {"seconds": loaded - start, "first_query_seconds": first}

    def memory(self) -> Answer:
        """How many bytes of memory this process has taken since before it loaded the index."""
        return {"grown_bytes": memory_bytes("VmRSS") - self._bytes_before}

    def measure(self, call: str, settings: Settings, first: int, last: int, threads: int) -> Answer:
        """Recall, queries a second, and for "single" p50 and p99 of one query in microseconds.

        call: "single" (one query a call) or "batch" (one call). first, last: the range of queries.
        busy_cpus is processor time over wall time: above `threads`, the system took more threads
        than it was given; below, the machine was busy with something else.
        """
        queries, truth = self._queries[first:last], self._truth[first:last]
        warm_up = self._queries[:WARM_UP_QUERIES]
        k = truth.shape[1]
        latencies = np.zeros(len(queries), np.int64)
        rows: list[Rows] | Rows
        if call == "single":
            one = self._adapter.single(settings, k)
            ask_each(one, warm_up, latencies[: len(warm_up)])
            with Stopwatch() as watch:
                rows = ask_each(one, queries, latencies)
        else:
            many = self._adapter.batch(settings, k, threads)
            many(warm_up)
            with Stopwatch() as watch:
                rows = many(queries)
        answer = {
            "recall": recall(rows, truth),
            "qps": len(queries) / watch.seconds,
            "busy_cpus": watch.cpu_seconds / watch.seconds,
        }
        if call == "single":
            p50, p99 = np.percentile(latencies, [50, 99]) / 1000
            answer |= {"p50_us": float(p50), "p99_us": float(p99)}
        return answer


class Stopwatch:
    """Wall and processor seconds of a `with` block; Python's garbage collector rests meanwhile."""

    def __enter__(self) -> Stopwatch:
        gc.collect()
        gc.disable()
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start[0]
        self.cpu_seconds = time.process_time() - self._start[1]
        gc.enable()


def ask_each(
    search: Callable[[Floats], Rows], queries: Floats, latencies: NDArray[np.int64]
) -> list[Rows]:
    """The answers to queries [b, d] asked one by one; latencies [b] receives nanoseconds."""
    clock = time.perf_counter_ns
    answers = []
    for position, query in enumerate(queries):
        start = clock()
        found = search(query)
        latencies[position] = clock() - start
        answers.append(found)
    return answers


def recall(rows: list[Rows] | Rows, truth: NDArray[np.int32]) -> float:
    """The share of the true neighbours [b, k] that are among the rows found for the same query.

    rows: for each query at most k row numbers, in any integer type.
    """
    found = np.full(truth.shape, -1, np.int64)
    for position, row in enumerate(rows):
        found[position, : len(row)] = row
    return float((truth[:, :, None] == found[:, None, :]).any(axis=2).mean())


def memory_bytes(field: str) -> int:
    """Physical memory of this process by Linux's count: now ("VmRSS"), or at the most ("VmHWM").

    (The maxrss of getrusage would include the peak of the parent process.)
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}: these benchmarks need Linux")


OPERATIONS = ("describe", "build", "load", "measure", "memory")


def serve(adapter: str) -> None:
    """Answers requests until stdin ends. adapter: MODULE:CLASS."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker: Worker | None = None
    for line in sys.stdin:
        request = json.loads(line)
        operation = request.pop("op")
        try:
            if operation not in OPERATIONS:
                raise ValueError(f"op is {operation!r}, not one of {', '.join(OPERATIONS)}")
            worker = worker or Worker(make_adapter(adapter))
            answer = getattr(worker, operation)(**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


def make_adapter(name: str) -> Adapter:
    """An instance of MODULE:CLASS."""
    module, _, kind = name.partition(":")
    adapter: Adapter = getattr(importlib.import_module(module), kind)()
    return adapter


if __name__ == "__main__":
    serve(sys.argv[1])
