"""`tune`: choosing the parameters of an index by measuring them."""

import dataclasses
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
from .plotting import picture_suffixes, require_packages
from .tuning_report import IndexDetails, Measurement, TuningReport

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
    html_path: str | os.PathLike[str] | None = None,
    log_dir: str | os.PathLike[str] | None = None,
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
      plot_path: Where to draw recall against queries a second, or `None`. This and the next two
        need the extra `tune`.
      html_path: Where to write a page, all in one file, of the frontier, the settings to use, and
        of the index that they make (which is built for it once more): partitions' sizes, error of
        the codes, memory. Or `None`.
      log_dir: A folder for TensorBoard: recall and queries a second of the frontier as scalars,
        the plot as an image. Or `None`.
      verbose: Print what is measured and the frontier.

    Returns:
      `config` with `k`, `target_recall`, `num_leaves`, `num_leaves_to_search` and
      `num_reordering_candidates` set: to be given to `Searcher.build` or to a `ScaNN` layer,
      without tuning queries, by which a build would learn otherwise which queries need more
      partitions. If no setting reaches the target, that of the highest recall, with a warning.

    Raises:
      ValueError: an argument has the wrong rank, width or range.
      ImportError: there is a path that needs the extra `tune`, which is not installed.
    """
    check_integer("k", k, 1)
    check_integer("batch_size", batch_size, 1)
    check_target_recall(target_recall)
    for path, packages in (
        (plot_path, ("matplotlib",)),
        (html_path, ("matplotlib", "jinja2")),
        (log_dir, ("matplotlib", "tensorboard")),
    ):
        if path is not None:
            require_packages(*packages)
    # Better now than after the work.
    _check_file("json_path", json_path)
    _check_file("html_path", html_path)
    _check_file("plot_path", plot_path)
    if plot_path is not None:
        _check_suffix(plot_path)
    if log_dir is not None and os.path.isfile(log_dir):
        raise ValueError(f"log_dir is {os.fspath(log_dir)!r}, but must be a folder")
    rows = to_candidates(candidates)
    config = dataclasses.replace(config or IndexConfig(), k=k, target_recall=target_recall)
    vectors = to_queries(queries)
    if vectors.shape[1] != rows.shape[1]:
        raise ValueError(
            f"queries have {vectors.shape[1]} dimensions, but candidates {rows.shape[1]}"
        )
    for given in num_leaves or ():
        check_integer("num_leaves", given, 1)
    tried = _leaves_to_try(len(rows)) if num_leaves is None else list(num_leaves)
    if not tried:
        raise ValueError("num_leaves is empty, but must have one number of partitions or more")
    sweep = _Sweep(rows, vectors, config, batch_size)
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
        goal=sweep.goal,
        measurements=tuple(measurements),
        chosen=_choose(measurements, sweep.goal),
    )
    if verbose:
        print(report.table())
    if json_path is not None:
        report.save_json(json_path)
    if plot_path is not None:
        report.save_plot(plot_path)
    if log_dir is not None:
        report.write_summary(log_dir)
    chosen = report.chosen
    if chosen.tuning_recall < report.goal:
        warnings.warn(
            f"no setting reached target_recall {target_recall} (with a margin for the number of "
            f"queries {report.goal:.4f}): the best had {chosen.tuning_recall:.4f}",
            stacklevel=2,
        )
    config = dataclasses.replace(
        config,
        num_leaves=chosen.num_leaves or None,
        num_leaves_to_search=chosen.num_leaves_to_search or None,
        num_reordering_candidates=chosen.num_reordering_candidates or None,
    )
    if html_path is not None:
        report.save_html(html_path, config, sweep.details(config))
    return config


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

    @property
    def goal(self) -> float:
        """The target and a standard error, by the formula of builds (cc/build/tuner.cc)."""
        target = float(self._config.target_recall)
        trials = len(self._queries[self._tuning]) * self._k
        return min(1.0, target + math.sqrt(3 * target * (1 - target) / trials))

    def measure(self, num_leaves: int | None) -> Iterator[Measurement]:
        """Every search setting of an index with so many partitions; None is exact search."""
        with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
            if num_leaves is None:
                index = self._build(folder, {"num_leaves": None})
                yield self._measure(index, 0, 0, 0)
                return
            num_leaves = min(num_leaves, len(self._rows))
            # Set, so that the build need not try others.
            set_parameters = {"num_leaves_to_search": 1, "num_reordering_candidates": 1}
            index = self._build(folder, {"num_leaves": num_leaves, **set_parameters})
            for leaves in _geometric(max(1, num_leaves // 400), num_leaves):
                row = [self._measure(index, num_leaves, leaves, m) for m in self._reordered()]
                yield from row
                if row[-1].tuning_recall >= max(_ENOUGH, self._config.target_recall):
                    return

    def details(self, config: IndexConfig) -> IndexDetails:
        """What the index of a configuration is made of."""
        with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
            return IndexDetails.of(self._build(folder, vars(config)))

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


def _check_file(name: str, path: str | os.PathLike[str] | None) -> None:
    """Raises ValueError for a file that could not be written."""
    if path is None:
        return
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise ValueError(f"{name} is {os.fspath(path)!r}, but must be a file in a folder")


def _check_suffix(plot_path: str | os.PathLike[str]) -> None:
    """Raises ValueError for a picture of a format that matplotlib does not write."""
    allowed = picture_suffixes()
    if os.path.splitext(plot_path)[1].lower() not in allowed:
        raise ValueError(
            f"plot_path is {os.fspath(plot_path)!r}, but must end with one of {', '.join(allowed)}"
        )


def _choose(measurements: Sequence[Measurement], goal: float) -> Measurement:
    reached = [one for one in measurements if one.tuning_recall >= goal]
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
