"""What a run of `tune` found: as a table, JSON, a plot, a page, and for TensorBoard."""

import dataclasses
import io
import json
import os
from typing import Any

import numpy as np
import tensorflow as tf

from . import _engine
from .config import IndexConfig
from .info import IndexInfo
from .plotting import new_figure, require_packages


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one setting achieved.

    Attributes:
      num_leaves: Partitions of the index; 0 for an exact one.
      num_leaves_to_search: Partitions searched on average; 0 for an exact index.
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
      goal: The tuning_recall that a setting needed for that: the target and a standard error, so
        that other queries reach it, too.
      measurements: Every setting tried.
      chosen: The fastest that reached the target; if none did, the one of the highest recall.
    """

    num_candidates: int
    dimensions: int
    num_queries: int
    batch_size: int
    k: int
    target_recall: float
    goal: float
    measurements: tuple[Measurement, ...]
    chosen: Measurement

    def frontier(self) -> list[Measurement]:
        """The settings that no other one beats in both recall and speed, by ascending recall."""
        best: list[Measurement] = []
        for one in sorted(self.measurements, key=lambda m: (-m.recall, -m.queries_per_second)):
            if not best or one.queries_per_second > best[-1].queries_per_second:
                best.append(one)
        return best[::-1]

    def shown(self) -> list[Measurement]:
        """The frontier from four fifths of the target on, and the chosen setting."""
        shown = [one for one in self.frontier() if one.recall >= 0.8 * self.target_recall]
        if self.chosen not in shown:
            shown = sorted([*shown, self.chosen], key=lambda m: m.recall)
        return shown

    def table(self) -> str:
        """The settings that are shown; the chosen one has a star."""
        lines = [f"{'recall@' + str(self.k):>12}{'queries/s':>12}{'leaves':>10}{'searched':>10}"]
        lines[0] += f"{'reordered':>11}"
        for one in self.shown():
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
        self._figure().savefig(path, dpi=130)

    def write_summary(self, log_dir: str | os.PathLike[str]) -> None:
        """Writes what TensorBoard shows: a scalar a setting of the frontier, and the plot.

        The step of a scalar is the setting's number, by ascending recall. `chosen` has one step.

        Raises:
          ImportError: matplotlib or TensorBoard is not installed.
        """
        require_packages("tensorboard")
        picture = io.BytesIO()
        self._figure().savefig(picture, format="png", dpi=100)
        image = tf.io.decode_png(picture.getvalue(), channels=3)
        writer = tf.summary.create_file_writer(os.fspath(log_dir))
        with writer.as_default():
            for folder, settings in (("frontier", self.frontier()), ("chosen", [self.chosen])):
                for step, one in enumerate(settings):
                    for name, value in dataclasses.asdict(one).items():
                        tf.summary.scalar(f"tuning/{folder}/{name}", value, step)
            tf.summary.image("tuning/queries_per_second_over_recall", image[None], 0)
        writer.close()

    def save_html(
        self, path: str | os.PathLike[str], config: IndexConfig, details: "IndexDetails"
    ) -> None:
        """Writes a page, all in one file, of this run and the index that it chose.

        Args:
          path: Of the file.
          config: What was chosen.
          details: Of the index that it makes.

        Raises:
          ImportError: matplotlib or Jinja is not installed.
        """
        require_packages("jinja2")
        from .tuning_page import render

        text = render(self, self._figure(), config, details)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _figure(self) -> Any:
        figure, axes = new_figure(8, 5)
        from matplotlib import ticker

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
        axes.yaxis.set_major_locator(ticker.LogLocator(base=10, subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda qps, _: f"{qps:,.0f}"))
        axes.yaxis.set_minor_formatter(ticker.NullFormatter())
        axes.set_xlabel(f"recall@{self.k}")
        axes.set_ylabel("queries a second, one thread (log scale)")
        axes.set_title(
            f"{self.num_candidates:,} candidates of {self.dimensions} dimensions, "
            f"{self.num_queries:,} queries, {self.batch_size} at a time",
            fontsize=10,
        )
        axes.grid(True, color="#dddddd", linewidth=0.7)
        axes.legend()
        return figure


@dataclasses.dataclass(frozen=True)
class IndexDetails:
    """What an index is made of.

    Attributes:
      info: As `Searcher.info()`.
      leaf_sizes: Candidates in each partition, [num_leaves]; empty if the index is exact.
      code_errors: |candidate - its code| / |candidate| of a sample of candidates, [m]; empty if the
        index is exact.
    """

    info: IndexInfo
    leaf_sizes: np.ndarray
    code_errors: np.ndarray

    @classmethod
    def of(cls, index: _engine.Index) -> "IndexDetails":
        """The details of an open index."""
        info = IndexInfo.from_json(index.describe())
        if info.is_exact:
            return cls(info, np.zeros(0, np.int64), np.zeros(0, np.float32))
        return cls(info, np.diff(index.tree()["leaf_splits"]), index.code_errors())
