"""What a run of recall_qps.py measured, and the summary of it: speed at equal recall.

report.py and plot.py read it; `to_json` is the machine-readable output.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks import frontier
from benchmarks.peers.adapter import Settings

TARGETS = (0.90, 0.95, 0.99)


@dataclass(frozen=True)
class Mode:
    """A way of asking. call: "single" (a query a call) or "batch" (one call for all)."""

    name: str
    title: str
    call: str
    threads: int


def modes(threads: int) -> tuple[Mode, ...]:
    """The three ways of asking, `threads` being all the cores to use."""
    return (
        Mode("single", "One query at a time, one thread", "single", 1),
        Mode("batch_one_thread", "Batch of 10,000, one thread", "batch", 1),
        Mode("batch_all_threads", f"Batch of 10,000, {threads} threads", "batch", threads),
    )


@dataclass
class Build:
    """One index: how it was built, and what it took. Seconds and bytes."""

    system: str
    settings: Settings
    seconds: float
    peak_bytes: int
    index_bytes: int
    built_earlier: bool = False
    load_seconds: float = 0.0
    first_query_seconds: float = 0.0
    grown_bytes: int = 0


@dataclass
class Point:
    """One search setting in one mode. build: position in Run.builds. rounds: the worker's answers.

    recall is that of the reporting half of the queries; timed_queries, how many each round asked.
    """

    system: str
    mode: str
    build: int
    settings: Settings
    timed_queries: int
    recall: float = 0.0
    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, measure: str) -> float:
        """The median over the rounds of "qps", "p50_us", "p99_us" or "busy_cpus"."""
        return median(answer[measure] for answer in self.rounds)


@dataclass(frozen=True)
class Spread:
    """The median, smallest and largest of one figure over the rounds."""

    median: float
    low: float
    high: float


@dataclass
class Run:
    """Everything that one invocation measured. about: date, command, machine, data set."""

    about: dict[str, Any]
    modes: tuple[Mode, ...]
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    builds: list[Build] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def systems(self) -> list[str]:
        """Names of the systems measured, in order."""
        return list(dict.fromkeys(point.system for point in self.points))

    def frontier(self, system: str, mode: str) -> list[Point]:
        """The system's points that none of its others beats in both, by ascending recall."""
        points = [p for p in self.points if p.system == system and p.mode == mode]
        recalls = [p.recall for p in points]
        return [points[i] for i in frontier.pareto(recalls, [p.median("qps") for p in points])]

    def at_recall(self, system: str, mode: str, measure: str, target: float) -> list[float] | None:
        """A measure at a target recall on the system's own frontier, one value a round.

        Where what was measured below the target is no faster than the frontier's first point above
        it, that point counts. None when not both sides of the target were measured.
        """
        points = self.frontier(system, mode)
        if not points:
            return None
        recalls = [point.recall for point in points]
        measured = [p.recall for p in self.points if p.system == system and p.mode == mode]
        if min(measured) <= target < recalls[0]:
            return [answer[measure] for answer in points[0].rounds]
        rounds = zip(*([answer[measure] for answer in p.rounds] for p in points), strict=True)
        values = [frontier.at_recall(recalls, list(row), target) for row in rounds]
        found = [value for value in values if value is not None]
        return found or None

    def ratio(self, system: str, other: str, mode: str, target: float) -> Spread | None:
        """Queries a second over those of the other system at equal recall, round by round."""
        ours = self.at_recall(system, mode, "qps", target)
        theirs = self.at_recall(other, mode, "qps", target)
        if ours is None or theirs is None:
            return None
        return spread([a / b for a, b in zip(ours, theirs, strict=True)])

    def scaling(self, system: str, target: float) -> Spread | None:
        """A batch's queries a second by all threads over those by one, round by round."""
        one, all_threads = (
            self.at_recall(system, mode.name, "qps", target)
            for mode in self.modes
            if mode.call == "batch"
        )
        if one is None or all_threads is None:
            return None
        return spread([many / few for many, few in zip(all_threads, one, strict=True)])

    def to_json(self) -> dict[str, Any]:
        """The run as JSON values, with the speeds at equal recall of every round."""
        equal = [
            {
                "mode": mode.name,
                "system": system,
                "recall": target,
                "qps": self.at_recall(system, mode.name, "qps", target),
            }
            for mode in self.modes
            for system in self.systems()
            for target in TARGETS
        ]
        return asdict(self) | {"at_equal_recall": equal}


def spread(values: list[float]) -> Spread:
    """Median, minimum and maximum of at least one value."""
    return Spread(median(values), min(values), max(values))
