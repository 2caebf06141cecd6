"""The comparison with other libraries: what of a frontier is kept, and when settings are tuned."""

import collections
from pathlib import Path
from typing import Any

import pytest

from benchmarks import datasets, frontier
from benchmarks.results import Build, Run, modes
from benchmarks.session import SECOND_LOOKS, Kind, Options, Session

RECALLS = [0.89, 0.91, 0.94, 0.955, 0.97, 0.80]
SPEEDS = [70.0, 100.0, 60.0, 80.0, 20.0, 400.0]


def test_the_frontier_is_what_nothing_beats() -> None:
    assert frontier.pareto(RECALLS, SPEEDS) == [5, 1, 3, 4]


def test_contenders_are_near_a_target_and_near_the_fastest_of_no_less_recall() -> None:
    def contenders(misses: float, share: float) -> list[int]:
        return frontier.contenders(RECALLS, SPEEDS, [0.90, 0.95], misses, share)

    # 0.80 and 0.97 are the next ones below and above.
    assert contenders(1.25, 0.5) == [5, 0, 1, 2, 3, 4]
    assert contenders(1.25, 0.75) == [5, 1, 2, 3, 4]
    assert contenders(1.25, 0.8) == [5, 1, 3, 4]
    # Next to 0.90 are 0.89 and 0.91, next to 0.95 are 0.94 and 0.955.
    assert contenders(1.0, 0.5) == [0, 1, 2, 3]
    assert contenders(1.0, 0.8) == [5, 1, 3]


def test_speed_at_a_recall_lies_on_a_line_of_logarithms() -> None:
    assert frontier.at_recall([0.8, 0.9], [100.0, 25.0], 0.85) == pytest.approx(50.0)
    assert frontier.at_recall([0.8, 0.9], [100.0, 25.0], 0.9) == 25.0
    assert frontier.at_recall([0.8, 0.9], [100.0, 25.0], 0.95) is None


QPS = {"slow": 900.0, "best": 1000.0}


class Worker:
    """Stands in for a worker whose best setting is at half its speed at first."""

    def __init__(self) -> None:
        self.asked: collections.Counter[tuple[str, str]] = collections.Counter()

    def ask(self, request: str, **of: Any) -> dict[str, float]:
        assert request == "measure"
        name, call = of["settings"]["name"], of["call"]
        self.asked[name, call] += 1
        disturbed = name == "best" and self.asked[name, call] == 1
        share = 0.5 if disturbed else 1.0
        return {"recall": 0.95, "qps": share * QPS[name], "busy_cpus": 1.0}


def test_a_setting_that_was_disturbed_once_is_not_left_out(tmp_path: Path) -> None:
    run = Run({}, modes(2), builds=[Build("ours", {}, 1.0, 1, 1)])
    options = Options((), Kind(), tmp_path, 2, 1, False, False, False)
    dataset = datasets.Dataset("none", tmp_path)
    session = Session(options, dataset, run)
    worker = Worker()
    session._searches = [[[{"name": "slow"}, {"name": "best"}]]]
    session._workers = [worker]  # type: ignore[list-item]
    session.tune()
    assert set(worker.asked.values()) == {1 + SECOND_LOOKS}
    assert [point.settings["name"] for point in run.points] == ["best"] * 3
