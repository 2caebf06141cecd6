"""Draws a Run: queries a second (log scale) over recall, a panel for each way of asking."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from benchmarks.results import TARGETS, Run, spread
from benchmarks.systems import OURS, SYSTEMS

# Okabe and Ito's palette, which colour-blind readers can tell apart; a marker each as well.
COLOURS = ("#d55e00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#e69f00")
MARKERS = ("o", "s", "D", "^", "v", "P")


def draw(run: Run, path: Path) -> None:
    """Writes the plot to a PNG file."""
    figure, panels = plt.subplots(
        1, len(run.modes), figsize=(15, 5.6), sharey=True, layout="constrained"
    )
    for axes, mode in zip(panels, run.modes, strict=True):
        axes.set_title(mode.title, fontsize=11)
        for system in run.systems():
            _draw_system(axes, run, system, mode.name)
        _dress(axes)
    panels[0].set_ylabel("queries a second (log scale)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    dataset, machine = run.about["dataset"], run.about["machine"]
    figure.suptitle(
        f"{dataset['name']}: {dataset['candidates']:,} candidates of {dataset['dimensions']} dims. "
        f"Median of {run.about['rounds']} interleaved rounds, bars from slowest to fastest.\n"
        f"{machine['cpu']}, {run.about['date'][:10]}",
        fontsize=10,
    )
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _draw_system(axes: Axes, run: Run, system: str, mode: str) -> None:
    position = [known.name for known in SYSTEMS].index(system)
    points = run.frontier(system, mode)
    rounds = [spread([answer["qps"] for answer in point.rounds]) for point in points]
    axes.errorbar(
        [point.recall for point in points],
        [qps.median for qps in rounds],
        yerr=[[qps.median - qps.low for qps in rounds], [qps.high - qps.median for qps in rounds]],
        label=system,
        color=COLOURS[position % len(COLOURS)],
        marker=MARKERS[position % len(MARKERS)],
        markersize=5,
        linewidth=2.4 if system == OURS else 1.4,
        elinewidth=0.9,
        capsize=2,
        zorder=3 if system == OURS else 2,
    )


def _dress(axes: Axes) -> None:
    """Scales, grid, and a line at each recall that the tables compare at."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda qps, _: f"{qps:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.grid(True, which="major", color="#dddddd", linewidth=0.7)
    axes.set_xlabel("recall@10")
    for target in TARGETS:
        axes.axvline(target, color="#888888", linewidth=0.9, linestyle=":", zorder=1)
    axes.spines[["top", "right"]].set_visible(False)
