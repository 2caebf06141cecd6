"""Choosing the parameters of an index by measuring them: `tune` and what it reports."""

import dataclasses
import json
import math
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import _engine
from .building import build_index_file, count_hits, to_candidates, to_queries
from .config import IndexConfig, check_integer, check_target_recall

# Partitions tried, in multiples of the square root of the number of candidates.
_LEAVES = (2, 4, 8)
# Below so many candidates an index without partitions is tried, too: it is what a build makes.
_EXACT_BELOW = 20_000
# Reordering lists tried, in multiples of k.
_REORDERED = (1.5, 2.5, 4, 6, 10, 16)
# From one number of partitions searched to the next.
_STEP = 1.4
# Search settings far beyond what is wanted are left out.
_ENOUGH = 0.998
# A setting is as fast as the fastest of so many passes over the queries.
_PASSES = 3
# With as many queries, one half chooses and the other half reports.
_MIN_QUERIES_TO_SPLIT = 200


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one setting achieved.

    Attributes:
      num_leaves: Partitions of the index; 0 for an exact one.
      num_leaves_to_search: Partitions searched; 0 for an exact index.
      num_reordering_candidates: Candidates scored again; 0 for an exact index.
      tuning_recall: Recall@k over the queries that the setting was chosen by.
      recall: Recall@k over the other queries (all of them where they are few).
      queries_per_second: On one thread.
    """

    num_leaves: int
    num_leaves_to_search: int
    num_reordering_candidates: int
    tuning_recall: float
    recall: float
    queries_per_second: float


@dataclasses.dataclass(frozen=True)
class TuningReport:
    """A run of `tune`.

    Attributes:
      num_candidates: Number of candidates.
      dimensions: Their dimensions.
      num_queries: Queries asked with each setting.
      batch_size: Queries asked at a time.
      k: Results a query.
      target_recall: What was to be reached.
      measurements: Every setting tried.
      chosen: The fastest that reached the target; if none did, the one of the highest recall.
    """

    num_candidates: int
    dimensions: int
    num_queries: int
    batch_size: int
    k: int
    target_recall: float
    measurements: tuple[Measurement, ...]
    chosen: Measurement

    def frontier(self) -> list[Measurement]:
        """The settings that no other one beats in both recall and speed, by ascending recall."""
        best: list[Measurement] = []
        for one in sorted(self.measurements, key=lambda m: (-m.recall, -m.queries_per_second)):
            if not best or one.queries_per_second > best[-1].queries_per_second:
                best.append(one)
        return best[::-1]

    def table(self) -> str:
        """The frontier from four fifths of the target on; the chosen setting has a star."""
        shown = [one for one in self.frontier() if one.recall >= 0.8 * self.target_recall]
        if self.chosen not in shown:
            shown = sorted([*shown, self.chosen], key=lambda m: m.recall)
        lines = [f"{'recall@' + str(self.k):>12}{'queries/s':>12}{'leaves':>10}{'searched':>10}"]
        lines[0] += f"{'reordered':>11}"
        for one in shown:
            counts = (one.num_leaves, one.num_leaves_to_search, one.num_reordering_candidates)
            leaves, searched, reordered = (str(count) if count else "-" for count in counts)
            star = " *" if one == self.chosen else ""
            lines.append(
                f"{one.recall:>12.4f}{one.queries_per_second:>12,.0f}{leaves:>10}{searched:>10}"
                f"{reordered:>11}{star}"
            )
        return "\n".join(lines)

    def save_json(self, path: str | os.PathLike[str]) -> None:
        """Writes all of it to a file."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(self), file, indent=1)
            file.write("\n")

    def save_plot(self, path: str | os.PathLike[str]) -> None:
        """Draws queries a second over recall, all settings and the frontier, the chosen one marked.

        Raises:
          ImportError: matplotlib is not installed.
          ValueError: the file's suffix is of no picture format.
        """
        figure_class, formatters = _matplotlib()
        figure = figure_class(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        rest = [one for one in self.measurements if one.recall > 0]
        axes.scatter(
            [one.recall for one in rest],
            [one.queries_per_second for one in rest],
            s=12,
            color="#bbbbbb",
            label="tried",
        )
        frontier = self.frontier()
        axes.plot(
            [one.recall for one in frontier],
            [one.queries_per_second for one in frontier],
            marker="o",
            color="#0072b2",
            label="fastest at its recall",
        )
        chosen = self.chosen
        axes.plot(
            chosen.recall,
            chosen.queries_per_second,
            marker="*",
            markersize=18,
            color="#d55e00",
            linestyle="none",
            label="chosen",
        )
        axes.axvline(self.target_recall, color="#888888", linestyle=":", label="target")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(formatters.LogLocator(base=10, subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(formatters.FuncFormatter(lambda qps, _: f"{qps:,.0f}"))
        axes.yaxis.set_minor_formatter(formatters.NullFormatter())
        axes.set_xlabel(f"recall@{self.k}")
        axes.set_ylabel("queries a second, one thread (log scale)")
        axes.set_title(
            f"{self.num_candidates:,} candidates of {self.dimensions} dimensions, "
            f"{self.num_queries:,} queries, {self.batch_size} at a time",
            fontsize=10,
        )
        axes.grid(True, color="#dddddd", linewidth=0.7)
        axes.legend()
        figure.savefig(path, dpi=130)


def tune(
    candidates: Any,
    queries: Any,
    k: int = 10,
    *,
    target_recall: float = 0.95,
    config: IndexConfig | None = None,
    num_leaves: Sequence[int] | None = None,
    batch_size: int = 1,
    json_path: str | os.PathLike[str] | None = None,
    plot_path: str | os.PathLike[str] | None = None,
    verbose: bool = True,
) -> IndexConfig:
    """Finds the fastest index that reaches a recall, by trying.

    A build alone chooses its parameters by candidates in place of queries. Those of a two-tower
    model are distributed differently: this measures with queries of your own. Indexes are built
    with several numbers of partitions, each is searched with many settings, and the answers are
    compared with exact search. With 200 queries or more, one half chooses the setting and the
    other half reports its recall.

    Args:
      candidates: Float [n, d].
      queries: Float [b, d]; a thousand or more tell recall to half a percent.
      k: Results a query.
      target_recall: Part of the true best k that a search should find, in (0, 1].
      config: The other parameters of the index. `None`: `IndexConfig()`.
      num_leaves: Numbers of partitions to try. `None`: 2, 4 and 8 times the square root of n, and
        below 20,000 candidates exact search.
      batch_size: Queries asked at a time, as the server will be.
      json_path: Where to write every measurement, or `None`.
      plot_path: Where to draw recall against queries a second, or `None`. Needs matplotlib, the
        extra `tune`.
      verbose: Print what is measured and the frontier.

    Returns:
      `config` with `k`, `target_recall`, `num_leaves`, `num_leaves_to_search` and
      `num_reordering_candidates` set: to be given to `Searcher.build` or to a `ScaNN` layer. If no
      setting reaches the target, that of the highest recall, with a warning.

    Raises:
      ValueError: an argument has the wrong rank, width or range.
      ImportError: there is a `plot_path` and matplotlib is not installed.
    """
    check_integer("k", k, 1)
    check_integer("batch_size", batch_size, 1)
    check_target_recall(target_recall)
    if plot_path is not None:
        _matplotlib()
    rows = to_candidates(candidates)
    config = dataclasses.replace(config or IndexConfig(), k=k, target_recall=target_recall)
    vectors = to_queries(queries)
    if vectors.shape[1] != rows.shape[1]:
        raise ValueError(
            f"queries have {vectors.shape[1]} dimensions, but candidates {rows.shape[1]}"
        )
    sweep = _Sweep(rows, vectors, config, batch_size)
    tried = _leaves_to_try(len(rows)) if num_leaves is None else list(num_leaves)
    if not tried:
        raise ValueError("num_leaves is empty, but must have one number of partitions or more")
    for count in tried:
        if count is not None:
            check_integer("num_leaves", count, 1)
    measurements: list[Measurement] = []
    for count in tried:
        measurements += sweep.measure(count)
        if verbose:
            kind = "exact search" if count is None else f"{count} partitions"
            print(f"{kind}: {len(measurements)} settings measured so far", flush=True)

    report = TuningReport(
        num_candidates=len(rows),
        dimensions=rows.shape[1],
        num_queries=sweep.num_queries,
        batch_size=batch_size,
        k=k,
        target_recall=float(target_recall),
        measurements=tuple(measurements),
        chosen=_choose(measurements, target_recall),
    )
    if verbose:
        print(report.table())
    if json_path is not None:
        report.save_json(json_path)
    if plot_path is not None:
        report.save_plot(plot_path)
    chosen = report.chosen
    if chosen.tuning_recall < target_recall:
        warnings.warn(
            f"no setting reached target_recall {target_recall}: the best had "
            f"{chosen.tuning_recall:.4f}",
            stacklevel=2,
        )
    return dataclasses.replace(
        config,
        num_leaves=chosen.num_leaves or None,
        num_leaves_to_search=chosen.num_leaves_to_search or None,
        num_reordering_candidates=chosen.num_reordering_candidates or None,
    )


class _Sweep:
    """Builds indexes of the same candidates and asks them the same queries."""

    def __init__(
        self, rows: np.ndarray, queries: np.ndarray, config: IndexConfig, batch_size: int
    ) -> None:
        self._rows = rows
        self._queries = queries
        self._config = config
        self._k = min(config.k, len(rows))
        self._batch_size = batch_size
        self._threads = len(os.sched_getaffinity(0))
        self._truth = self._exact_answers()
        split = len(queries) >= _MIN_QUERIES_TO_SPLIT
        self._tuning = slice(0, None, 2) if split else slice(None)
        self._reporting = slice(1, None, 2) if split else slice(None)

    @property
    def num_queries(self) -> int:
        return len(self._queries)

    def measure(self, num_leaves: int | None) -> Iterator[Measurement]:
        """Every search setting of an index with so many partitions; None is exact search."""
        with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
            if num_leaves is None:
                index = self._build(folder, {"num_leaves": None})
                yield self._measure(index, 0, 0, 0)
                return
            num_leaves = min(num_leaves, len(self._rows))
            # Set, so that the build need not measure.
            set_parameters = {"num_leaves_to_search": 1, "num_reordering_candidates": 1}
            index = self._build(folder, {"num_leaves": num_leaves, **set_parameters})
            for leaves in _geometric(max(1, num_leaves // 400), num_leaves):
                row = [self._measure(index, num_leaves, leaves, m) for m in self._reordered()]
                yield from row
                if row[-1].tuning_recall >= max(_ENOUGH, self._config.target_recall):
                    return

    def _reordered(self) -> list[int]:
        counts = [math.ceil(factor * self._k) for factor in _REORDERED]
        return sorted({min(count, len(self._rows)) for count in counts})

    def _build(self, folder: str, parameters: dict[str, Any]) -> _engine.Index:
        path = os.path.join(folder, "index.tfscann")
        config = dataclasses.replace(self._config, **parameters)
        build_index_file(path, self._rows, None, config, progress=False)
        return _engine.Index.open(path)

    def _exact_answers(self) -> np.ndarray:
        with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
            index = self._build(
                folder,
                {
                    # As little of a tree as can be: it is not searched.
                    "num_leaves": None if len(self._rows) < _EXACT_BELOW else 1,
                    "num_leaves_to_search": 1,
                    "num_reordering_candidates": 1,
                    "training_iterations": 1,
                    "soar_lambda": 0.0,
                    "reordering_dtype": "float32",
                },
            )
            return index.search(self._queries, self._k, threads=self._threads, exact=True)[1]

    def _measure(
        self, index: _engine.Index, num_leaves: int, leaves: int, reordered: int
    ) -> Measurement:
        effort = (leaves or None, reordered or None)
        _, found = index.search(self._queries, self._k, *effort, threads=self._threads)
        recalls = count_hits(self._truth, found) / self._k
        batches = [
            self._queries[begin : begin + self._batch_size]
            for begin in range(0, len(self._queries), self._batch_size)
        ]
        seconds = []
        for _ in range(_PASSES):
            start = time.perf_counter()
            for batch in batches:
                index.search(batch, self._k, *effort, threads=1)
            seconds.append(time.perf_counter() - start)
        return Measurement(
            num_leaves=num_leaves,
            num_leaves_to_search=leaves,
            num_reordering_candidates=reordered,
            tuning_recall=float(recalls[self._tuning].mean()),
            recall=float(recalls[self._reporting].mean()),
            queries_per_second=len(self._queries) / min(seconds),
        )


def _choose(measurements: Sequence[Measurement], target_recall: float) -> Measurement:
    reached = [one for one in measurements if one.tuning_recall >= target_recall]
    if reached:
        return max(reached, key=lambda one: one.queries_per_second)
    return max(measurements, key=lambda one: (one.tuning_recall, one.queries_per_second))


def _leaves_to_try(num_candidates: int) -> list[int | None]:
    counts = {max(1, round(factor * math.sqrt(num_candidates))) for factor in _LEAVES}
    exact: list[int | None] = [None] if num_candidates < _EXACT_BELOW else []
    return exact + sorted(counts)


def _geometric(first: int, last: int) -> list[int]:
    counts = [first]
    while counts[-1] < last:
        counts.append(min(last, max(counts[-1] + 1, round(counts[-1] * _STEP))))
    return counts


def _matplotlib() -> tuple[Any, Any]:
    """Matplotlib's Figure and tickers: without pyplot, so that no backend is chosen."""
    try:
        from matplotlib import ticker
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("a plot needs matplotlib: pip install 'tensorflow-scann[tune]'") from None
    return Figure, ticker
