"""The measuring part of recall_qps.py: build, load, tune and time, through one worker an index."""

from __future__ import annotations

import json
import random
import shutil
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks import datasets, frontier
from benchmarks.peers.adapter import Settings
from benchmarks.results import TARGETS, Build, Mode, Point, Run
from benchmarks.systems import System, set_up
from benchmarks.worker_client import WorkerClient, WorkerError

K = 10
MIDDLE = datasets.NUM_QUERIES // 2
REPORTING_HALF = (MIDDLE, datasets.NUM_QUERIES)

# Tuning stops at the first group of settings with such a recall.
ENOUGH_RECALL = 0.995
# How far recall may differ between the halves of the queries.
RECALL_MARGIN = 0.003

# Slow settings are asked fewer queries: as many as take about so long, but not less than so many.
SECONDS_A_TRIAL, FEWEST_TRIED = 0.2, {"single": 400, "batch": 1000}
SECONDS_A_TIMING = {"single": 0.4, "batch": 0.9}
FEWEST_TIMED = {"single": 500, "batch": 1000}

# Machines that are shared are at half their speed for seconds. Settings that may be the best, and
# have been tried then, are tried again, so many times, and the fastest of these trials counts:
# those with at least such a share of the best speed, near a target (see frontier.contenders).
SECOND_LOOKS, CONTENDER, NEAR = 2, 0.45, 1.2

# A timing that had less processor time than this share of what it can have was disturbed by other
# programs, and is repeated: of its threads' at first, later of the most that it had before. There
# are systems that leave processors idle by themselves.
UNDISTURBED, REPEATS = 0.95, 2


@dataclass(frozen=True)
class Kind:
    """What an index is for; part of the settings of a build, unless it is this default."""

    distance_measure: str = "dot_product"
    reordering_dtype: str = "float32"


@dataclass
class Trial:
    """A setting tried on the first half of the queries. speeds: queries per second by call."""

    build: int
    settings: Settings
    recall: float
    speeds: dict[str, float]


@dataclass(frozen=True)
class Options:
    """What the command line decides. threads: what "all cores" means."""

    systems: tuple[System, ...]
    kind: Kind
    cache: Path
    threads: int
    rounds: int
    setup_peers: bool
    reuse_indexes: bool
    coarse: bool


class Session:
    """Fills in a Run. Call build_all, load_all, tune and measure, in this order."""

    def __init__(self, options: Options, dataset: datasets.Dataset, run: Run) -> None:
        self._options = options
        self._dataset = dataset
        self._run = run
        self._environments = options.cache / "peers"
        self._logs = options.cache / "logs"
        shutil.rmtree(self._logs, ignore_errors=True)
        # Parallel to run.builds:
        self._folders: list[Path] = []
        self._systems: list[System] = []
        self._searches: list[list[list[Settings]]] = []
        self._workers: list[WorkerClient] = []

    def build_all(self) -> None:
        """Builds each index in a process of its own, so that its peak memory is its own too.

        A system that fails is noted in run.skipped, and the others go on.
        """
        for system in self._options.systems:
            try:
                self._build_system(system)
            except (WorkerError, RuntimeError, OSError) as error:
                self._run.skipped[system.name] = str(error)
                print(f"skipped: {error} (logs: {self._logs})", file=sys.stderr)

    def load_all(self, stack: ExitStack) -> None:
        """Starts the long-lived workers, which `stack` closes, and loads an index in each."""
        for number, build in enumerate(self._run.builds):
            worker = stack.enter_context(self._start_worker(self._systems[number]))
            took = worker.ask(
                "load",
                folder=str(self._folders[number]),
                queries=str(self._dataset.queries_path),
                truth=str(self._dataset.ground_truth_path),
                settings=self._searches[number][0][0],
                k=K,
            )
            build.load_seconds = took["seconds"]
            build.first_query_seconds = took["first_query_seconds"]
            self._workers.append(worker)

    def tune(self) -> None:
        """Tries the grids on the first half of the queries; keeps what the targets need."""
        for system, trials in self._try_grids().items():
            recalls = [trial.recall for trial in trials]
            for call in dict.fromkeys(mode.call for mode in self._run.modes):
                self._look_again(trials, call)
            for mode in self._run.modes:
                best_ones = frontier.pareto(recalls, [trial.speeds[mode.call] for trial in trials])
                needed = frontier.around([recalls[i] for i in best_ones], TARGETS, RECALL_MARGIN)
                for trial in (trials[best_ones[i]] for i in needed):
                    timed = _queries_to_time(mode, trial.speeds[mode.call])
                    point = Point(system, mode.name, trial.build, trial.settings, timed)
                    self._run.points.append(point)

    def measure(self) -> None:
        """An untimed round for recall, then timed rounds: every point once, in random order."""
        self._ask_recalls()
        modes = {mode.name: mode for mode in self._run.modes}
        order = list(self._run.points)
        for number in range(1, self._options.rounds + 1):
            random.Random(number).shuffle(order)
            for point in tqdm(order, f"round {number} of {self._options.rounds}", disable=None):
                point.rounds.append(self._time(point, modes[point.mode]))
        for build, worker in zip(self._run.builds, self._workers, strict=True):
            build.grown_bytes = worker.ask("memory")["grown_bytes"]

    def _try_grids(self) -> dict[str, list[Trial]]:
        """The trials of each system, all its builds together."""
        tried: dict[str, list[Trial]] = {}
        for number, build in enumerate(tqdm(self._run.builds, "tuning", disable=None)):
            count = MIDDLE
            for group in self._searches[number][:: 2 if self._options.coarse else 1]:
                best = 0.0
                for settings in group:
                    recall, batch = self._try(number, settings, "batch", count)
                    _, single = self._try(number, settings, "single", FEWEST_TRIED["single"])
                    count = _queries_to_try("batch", batch)
                    best = max(best, recall)
                    speeds = {"batch": batch, "single": single}
                    trials = tried.setdefault(build.system, [])
                    trials.append(Trial(number, settings, recall, speeds))
                if best >= ENOUGH_RECALL:
                    break
        return tried

    def _look_again(self, trials: list[Trial], call: str) -> None:
        """Tries the contenders among a system's trials again: these speeds replace the first."""
        recalls = [trial.recall for trial in trials]
        speeds = [trial.speeds[call] for trial in trials]
        again = frontier.contenders(recalls, speeds, TARGETS, NEAR, CONTENDER)
        fastest = dict.fromkeys(again, 0.0)
        # Not one contender's trials in a row: what disturbs one of them may disturb the next.
        for _ in range(SECOND_LOOKS):
            for i in again:
                count = _queries_to_try(call, speeds[i])
                _, speed = self._try(trials[i].build, trials[i].settings, call, count)
                fastest[i] = max(fastest[i], speed)
        for i, speed in fastest.items():
            trials[i].speeds[call] = speed

    def _ask_recalls(self) -> None:
        """Fills in the points' recall on the reporting half.

        In batches alone, on all threads: all the systems find the same one by one, on one thread.
        """
        recalls: dict[tuple[int, str], float] = {}
        for point in tqdm(self._run.points, "recall", disable=None):
            asked = (point.build, json.dumps(point.settings))
            if asked not in recalls:
                of = (point.build, point.settings, "batch", REPORTING_HALF)
                recalls[asked] = self._ask(*of, self._options.threads)["recall"]
            point.recall = recalls[asked]

    def _build_system(self, system: System) -> None:
        if not system.every_kind and self._options.kind != Kind():
            raise WorkerError(f"{system.name}: its adapter is for dot_product and float32 alone")
        if self._options.setup_peers:
            set_up(system, self._environments)
        if not system.python(self._environments).exists():
            raise WorkerError(f"{system.name}: no environment yet; --setup-peers creates it")
        n, d = self._dataset.shape()
        with self._start_worker(system) as worker:
            grid = worker.ask("describe", n=n, d=d)
        self._run.versions[system.name] = grid["versions"]
        for number, settings in enumerate(grid["builds"][: 1 if self._options.coarse else None]):
            kind = {} if self._options.kind == Kind() else asdict(self._options.kind)
            settings |= kind
            name = "-".join([system.name, str(number), *kind.values()])
            folder = self._options.cache / "indexes" / self._dataset.name / name
            self._run.builds.append(self._build(system, settings, folder))
            self._folders.append(folder)
            self._systems.append(system)
            self._searches.append(grid["searches"][number])

    def _build(self, system: System, settings: Settings, folder: Path) -> Build:
        receipt = folder.with_suffix(".json")
        made_of = {"settings": settings, "versions": self._run.versions[system.name]}
        # The version of a peer says all about its code; ours does not, so it is always built.
        if self._options.reuse_indexes and system.environment is not None and receipt.exists():
            earlier = json.loads(receipt.read_text())
            if earlier["made_of"] == made_of:
                return Build(system.name, settings, **earlier["took"], built_earlier=True)
        receipt.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"building {system.name} {json.dumps(settings)}", file=sys.stderr)
        with self._start_worker(system) as worker:
            took = worker.ask(
                "build",
                candidates=str(self._dataset.candidates_path),
                folder=str(folder),
                settings=settings,
                threads=self._options.threads,
            )
        took["index_bytes"] = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        receipt.write_text(json.dumps({"made_of": made_of, "took": took}))
        return Build(system.name, settings, **took)

    def _start_worker(self, system: System) -> WorkerClient:
        return WorkerClient(system, self._environments, self._logs, self._options.threads)

    def _try(self, build: int, settings: Settings, call: str, count: int) -> tuple[float, float]:
        """Recall and queries per second of processor time, on one thread, of so many queries.

        Processor time, because that is what other programs disturb least.
        """
        answer = self._ask(build, settings, call, (0, count), threads=1)
        return answer["recall"], answer["qps"] / answer["busy_cpus"]

    def _time(self, point: Point, mode: Mode) -> dict[str, float]:
        """One timing of a point; the least disturbed of some, where other programs interfere."""
        of = (point.build, point.settings, mode.call, _timed_range(mode, point.timed_queries))
        most = max((earlier["busy_cpus"] for earlier in point.rounds), default=mode.threads)
        best = self._ask(*of, mode.threads)
        for _ in range(REPEATS):
            if best["busy_cpus"] >= UNDISTURBED * min(most, mode.threads):
                break
            again = self._ask(*of, mode.threads)
            best = max(best, again, key=lambda answer: answer["busy_cpus"])
        del best["recall"]
        return best

    def _ask(
        self, build: int, settings: Settings, call: str, queries: tuple[int, int], threads: int
    ) -> dict[str, float]:
        """One measurement on queries[0] to queries[1]; see measure in peers/worker.py."""
        first, last = queries
        return self._workers[build].ask(
            "measure", call=call, settings=settings, first=first, last=last, threads=threads
        )


def _queries_to_try(call: str, qps: float) -> int:
    """How many queries a trial asks."""
    return min(MIDDLE, max(FEWEST_TRIED[call], int(qps * SECONDS_A_TRIAL)))


def _queries_to_time(mode: Mode, qps: float) -> int:
    """How many queries a timing asks: all that may be, or for slow settings what time allows."""
    most = REPORTING_HALF[1] - REPORTING_HALF[0] if mode.call == "single" else datasets.NUM_QUERIES
    allowed = int(qps * mode.threads * SECONDS_A_TIMING[mode.call])
    return min(most, max(allowed, FEWEST_TIMED[mode.call]))


def _timed_range(mode: Mode, count: int) -> tuple[int, int]:
    """Single queries come from the reporting half alone; a large batch needs both halves."""
    if mode.call == "single":
        return REPORTING_HALF[0], REPORTING_HALF[0] + count
    return datasets.NUM_QUERIES - count, datasets.NUM_QUERIES
