"""`tune`: what it measures, chooses, writes and refuses."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

import tensorflow_scann as tfscann
from tensorflow_scann.tuning import Measurement, TuningReport


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    """Queries that are distributed unlike the candidates, [400, 24]."""
    return np.random.default_rng(1).normal(size=(400, 24)).astype(np.float32)


def test_the_chosen_index_has_the_recall(
    vectors: np.ndarray,
    queries: np.ndarray,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = {"json_path": tmp_path / "tuning.json", "plot_path": tmp_path / "tuning.png"}
    config = tfscann.tune(vectors, queries, 5, target_recall=0.9, num_leaves=(40, 80), **paths)
    assert config.num_leaves in (40, 80)
    assert (config.k, config.target_recall) == (5, 0.9)

    written = json.loads(paths["json_path"].read_text())
    assert (written["num_candidates"], written["num_queries"], written["k"]) == (3000, 400, 5)
    measurements = [Measurement(**one) for one in written["measurements"]]
    chosen = Measurement(**written["chosen"])
    assert {one.num_leaves for one in measurements} == {40, 80}
    assert max(one.recall for one in measurements) > 0.99
    reached = [one for one in measurements if one.tuning_recall >= 0.9]
    assert chosen == max(reached, key=lambda one: one.queries_per_second)
    assert (chosen.num_leaves, chosen.num_leaves_to_search) == (
        config.num_leaves,
        config.num_leaves_to_search,
    )

    # The index that the configuration builds is the one that was measured.
    searcher = tfscann.Searcher.build(vectors, config=config)
    assert searcher.recall(queries[1::2], 5) == pytest.approx(chosen.recall, abs=1e-9)
    assert searcher.info().num_reordering_candidates == chosen.num_reordering_candidates

    assert paths["plot_path"].read_bytes().startswith(b"\x89PNG")
    (starred,) = [line for line in capsys.readouterr().out.splitlines() if line.endswith("*")]
    assert starred.split()[0] == f"{chosen.recall:.4f}"


def test_a_small_catalogue_may_get_an_exact_index(vectors: np.ndarray, queries: np.ndarray) -> None:
    config = tfscann.tune(vectors[:50], queries[:20], 60, target_recall=1.0, verbose=False)
    searcher = tfscann.Searcher.build(vectors[:50], config=config)
    assert searcher.recall(queries[:20]) == 1.0


def test_a_target_out_of_reach_gives_the_best_and_a_warning(
    vectors: np.ndarray, queries: np.ndarray
) -> None:
    base = tfscann.IndexConfig(reordering_dtype="int8", seed=3)
    with pytest.warns(UserWarning, match=r"no setting reached target_recall 1\.0"):
        config = tfscann.tune(
            vectors,
            queries[:50],
            target_recall=1.0,
            config=base,
            num_leaves=[10],
            batch_size=50,
            verbose=False,
        )
    assert (config.reordering_dtype, config.seed) == ("int8", 3)
    assert config.num_leaves_to_search is not None


def test_frontier_and_table() -> None:
    def one(recall: float, speed: float, leaves: int = 10) -> Measurement:
        return Measurement(leaves, 1 if leaves else 0, 20 if leaves else 0, recall, recall, speed)

    best, beaten, fast, exact = one(0.9, 50), one(0.8, 40), one(0.5, 100), one(1.0, 5, 0)
    report = TuningReport(100, 8, 10, 1, 3, 0.8, (beaten, best, exact, fast), best)
    assert report.frontier() == [fast, best, exact]
    assert report.table().splitlines() == [
        "    recall@3   queries/s    leaves  searched  reordered",
        "      0.9000          50        10         1         20 *",
        "      1.0000           5         -         -          -",
    ]
    # What is far below the target is not shown; a choice that another setting beats by the other
    # half of the queries is shown all the same.
    shown = dataclasses.replace(report, chosen=beaten).table()
    assert "      0.8000          40        10         1         20 *" in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k is 0, but must be an integer of at least 1"),
        ({"target_recall": 1.5}, "target_recall is 1.5, but must be more than 0 and at most 1"),
        ({"batch_size": 0}, "batch_size is 0, but must be an integer of at least 1"),
        ({"num_leaves": []}, "num_leaves is empty"),
        ({"num_leaves": [-1]}, "num_leaves is -1, but must be an integer of at least 1"),
        ({"candidates": np.zeros(3, np.float32)}, "must have rank 2"),
        ({"candidates": np.zeros((0, 24), np.float32)}, "there are none"),
        ({"queries": np.zeros((0, 24))}, r"queries have shape \(0, 24\), but must be \[b, d\]"),
        ({"queries": np.zeros((2, 3))}, "queries have 3 dimensions, but candidates 24"),
        ({"queries": np.full((2, 24), np.nan)}, "queries have a NaN or infinite value"),
    ],
)
def test_mistakes(
    vectors: np.ndarray, queries: np.ndarray, change: dict[str, object], message: str
) -> None:
    arguments: dict[str, object] = {"candidates": vectors, "queries": queries, "verbose": False}
    with pytest.raises(ValueError, match=message):
        tfscann.tune(**(arguments | change))  # type: ignore[arg-type]
