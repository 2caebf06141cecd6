"""Recall-speed frontiers: which points are worth showing, and the speed at a given recall.

Pure functions on numbers, for recall_qps.py and report.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto(recalls: Sequence[float], speeds: Sequence[float]) -> list[int]:
    """Indices of the points that none beats in both recall and speed, by ascending recall."""
    order = sorted(range(len(recalls)), key=lambda i: (-recalls[i], -speeds[i]))
    kept: list[int] = []
    for i in order:
        if not kept or speeds[i] > speeds[kept[-1]]:
            kept.append(i)
    return kept[::-1]


def contenders(
    recalls: Sequence[float],
    speeds: Sequence[float],
    targets: Sequence[float],
    misses: float,
    share: float,
) -> list[int]:
    """Indices of the points that a better timing could make those needed at the targets.

    These have at least `share` of the speed of the fastest of no less recall. For each target:
    those that miss at most `misses` times as many neighbours as a target does, and no less than
    1 / `misses` of them; and the next on either side. By ascending recall.
    """

    def fastest(least: float) -> float:
        return max(s for r, s in zip(recalls, speeds, strict=True) if r >= least)

    able = [i for i in range(len(recalls)) if speeds[i] >= share * fastest(recalls[i])]
    able.sort(key=lambda i: recalls[i])
    kept: set[int] = set()
    for target in targets:
        missed = {i: (1 - recalls[i]) / (1 - target) for i in able}
        kept |= {i for i in able if 1 / misses <= missed[i] <= misses}
        kept |= set([i for i in able if missed[i] > misses][-1:])
        kept |= set([i for i in able if missed[i] < 1 / misses][:1])
    return [i for i in able if i in kept]


def at_recall(recalls: Sequence[float], values: Sequence[float], target: float) -> float | None:
    """The value at a target recall, its logarithm being linear in recall from point to point.

    recalls: ascending, as `pareto` orders them. values: positive. None outside of the recalls.
    """
    for i in range(len(recalls)):
        if recalls[i] == target:
            return values[i]
        if i and recalls[i - 1] < target < recalls[i]:
            share = (target - recalls[i - 1]) / (recalls[i] - recalls[i - 1])
            return math.exp((1 - share) * math.log(values[i - 1]) + share * math.log(values[i]))
    return None


def around(recalls: Sequence[float], targets: Sequence[float], margin: float) -> list[int]:
    """Indices of the points needed to interpolate at the targets, should recalls move by a margin.

    recalls: ascending. For each target: the points within the margin, and the next on either side.
    """
    needed: set[int] = set()
    for target in targets:
        below = [i for i, recall in enumerate(recalls) if recall <= target - margin]
        above = [i for i, recall in enumerate(recalls) if recall >= target + margin]
        between = set(range(len(recalls))) - set(below) - set(above)
        needed |= between | set(below[-1:]) | set(above[:1])
    return sorted(needed)
