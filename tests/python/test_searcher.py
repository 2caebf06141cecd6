"""Searcher: what can be built, and what a search answers."""

import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann
from tensorflow_scann import IndexConfig, Searcher

from conftest import brute_force, recall

MEASURES = ["dot_product", "cosine", "squared_l2"]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("num_leaves", [None, 40])
def test_everything_searched_equals_brute_force(
    vectors: np.ndarray, measure: str, num_leaves: int | None
) -> None:
    config = IndexConfig(distance_measure=measure, num_leaves=num_leaves)
    searcher = Searcher.build(vectors, config=config)
    queries = vectors[:100] + 0.1
    scores, rows = searcher.search(
        queries, 20, num_leaves_to_search=40, num_reordering_candidates=3000
    )
    true_scores, true_rows = brute_force(queries, vectors, 20, measure)
    np.testing.assert_allclose(scores, true_scores, rtol=2e-5, atol=2e-5)
    assert recall(rows.numpy(), true_rows) > 0.999  # but for rounding


@pytest.mark.parametrize("measure", MEASURES)
def test_ties_go_to_the_lower_row(measure: str) -> None:
    rows = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    searcher = Searcher.build(rows, config=IndexConfig(distance_measure=measure, num_leaves=3))
    _, found = searcher.search(rows[5], 5, num_leaves_to_search=3, num_reordering_candidates=15)
    assert found.numpy().tolist() == [5, 6, 7, 8, 9]


def test_defaults_reach_the_target(vectors: np.ndarray, tree_config: IndexConfig) -> None:
    searcher = Searcher.build(vectors, config=tree_config)
    queries = vectors[1000:1500] + 0.05
    found = searcher.search(queries)[1].numpy()
    assert recall(found, brute_force(queries, vectors, 10)[1]) >= 0.93
    assert searcher.info().measured_recall >= 0.95


def test_queries_unlike_the_candidates_still_get_0_9() -> None:
    # Items with long-tailed norms around genres; users are mixtures of genres, off their mean.
    rng = np.random.default_rng(1)
    genres = rng.normal(size=(40, 32))
    items = genres[rng.integers(40, size=30000)] + 0.6 * rng.normal(size=(30000, 32))
    items *= rng.lognormal(0, 0.4, size=(30000, 1))
    users = rng.dirichlet(np.full(40, 0.1), size=300) @ genres + 0.3 * rng.normal(size=(300, 32))
    users = (users + 0.3).astype(np.float32)
    candidates = items.astype(np.float32)
    found = Searcher.build(candidates).search(users)[1].numpy()
    assert recall(found, brute_force(users, candidates, 10)[1]) >= 0.90


@pytest.mark.parametrize(
    ("identifiers", "missing"),
    [
        (np.arange(5, dtype=np.int32) * 10, -1),
        (np.arange(5, dtype=np.int64) << 40, -1),
        (np.arange(5, dtype=np.float32) + 0.5, np.nan),
        (np.arange(5, dtype=np.float64) + 0.25, np.nan),
        (np.array(["a", "b", "", "d", "ä"]), b""),
    ],
)
def test_identifiers_and_missing_places(identifiers: np.ndarray, missing: object) -> None:
    searcher = Searcher.build(np.eye(5, dtype=np.float32), identifiers)
    scores, found = searcher.search(np.eye(5, dtype=np.float32)[[1, 4]], 7)
    expected = tf.convert_to_tensor(identifiers)
    assert found.dtype == expected.dtype == searcher.identifier_dtype
    assert found.shape == (2, 7)
    assert found.numpy()[0, 0] == expected.numpy()[1]
    assert found.numpy()[1, 0] == expected.numpy()[4]
    assert sorted(found.numpy()[0, :5].tolist()) == sorted(expected.numpy().tolist())
    np.testing.assert_array_equal(
        found.numpy()[:, 5:], np.full((2, 2), missing, found.numpy().dtype)
    )
    np.testing.assert_array_equal(scores.numpy()[:, 5:], -np.inf)


def test_missing_distance_is_infinity() -> None:
    config = IndexConfig(distance_measure="squared_l2")
    scores, rows = Searcher.build(np.eye(2, dtype=np.float32), config=config).search([1.0, 0.0], 3)
    assert scores.numpy().tolist() == [0.0, 2.0, np.inf]
    assert rows.numpy().tolist() == [0, 1, -1]


def test_a_query_with_nan_harms_no_other(searcher: Searcher, vectors: np.ndarray) -> None:
    queries = vectors[:3].copy()
    queries[1, 5] = np.nan
    scores, names = searcher.search(queries, 4)
    clean_scores, clean_names = searcher.search(vectors[[0, 2]], 4)
    np.testing.assert_array_equal(scores.numpy()[[0, 2]], clean_scores)
    assert (names.numpy()[[0, 2]] == clean_names.numpy()).all()
    assert scores.numpy()[1].tolist() == [-np.inf] * 4
    assert names.numpy()[1].tolist() == [b""] * 4


def test_one_query_equals_its_row_of_a_batch(searcher: Searcher, vectors: np.ndarray) -> None:
    scores, names = searcher.search(vectors[:64], 10)
    for i in (0, 17, 63):
        one_scores, one_names = searcher.search(vectors[i], 10)
        np.testing.assert_array_equal(scores[i], one_scores)
        assert (names.numpy()[i] == one_names.numpy()).all()


def test_one_thread_equals_many(searcher: Searcher, vectors: np.ndarray) -> None:
    parallel = searcher.search(vectors[:200], 10)
    searcher.parallelize = False
    serial = searcher.search(vectors[:200], 10)
    searcher.parallelize = True
    np.testing.assert_array_equal(parallel[0], serial[0])
    assert (parallel[1].numpy() == serial[1].numpy()).all()


def test_dense_exclusions_of_any_width(searcher: Searcher, vectors: np.ndarray) -> None:
    first = searcher.search(vectors[:4], 3000)[1].numpy()
    for width in (0, 1, 7, 500, 2995):
        _, found = searcher.search(vectors[:4], 5, exclusions=tf.constant(first[:, :width]))
        for row, excluded in zip(found.numpy(), first[:, :width], strict=True):
            assert not set(row) & set(excluded)
            assert b"" not in row
    scores, found = searcher.search(vectors[:4], 5, exclusions=tf.constant(first[:, :2998]))
    assert (found.numpy()[:, 2:] == b"").all()
    assert (scores.numpy()[:, 2:] == -np.inf).all()
    assert {*found.numpy()[0, :2]} == {*first[0, 2998:]}


def test_ragged_exclusions(searcher: Searcher, vectors: np.ndarray) -> None:
    best = searcher.search(vectors[:3], 6)[1].numpy()
    ragged = tf.RaggedTensor.from_row_lengths([*best[0, :2], *best[2, :4]], [2, 0, 4])
    found = searcher.search(vectors[:3], 2, exclusions=ragged)[1].numpy()
    assert found[0].tolist() == best[0, 2:4].tolist()
    assert found[1].tolist() == best[1, :2].tolist()
    assert found[2].tolist() == best[2, 4:6].tolist()


def test_excluding_an_identifier_that_two_rows_have() -> None:
    with pytest.warns(UserWarning, match="^1 candidates have an identifier that another"):
        searcher = Searcher.build(np.eye(3, dtype=np.float32), [7, 8, 7])
    _, found = searcher.search([1.0, 0.5, 0.9], 3, exclusions=[7])
    assert found.numpy().tolist() == [8, -1, -1]


def test_unknown_exclusions_exclude_nothing(searcher: Searcher, vectors: np.ndarray) -> None:
    _, plain = searcher.search(vectors[0], 3)
    _, found = searcher.search(vectors[0], 3, exclusions=["item-9999", ""])
    assert found.numpy().tolist() == plain.numpy().tolist()


def test_in_a_graph(searcher: Searcher, vectors: np.ndarray) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([], tf.int32)] * 1)
    def search(queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return searcher.search(queries, k, num_leaves_to_search=k * 10)

    _, names = search(vectors[:2], 3)
    eager = searcher.search(vectors[:2], 3, num_leaves_to_search=30)[1]
    assert (names.numpy() == eager.numpy()).all()
    static = tf.function(lambda q: searcher.search(q, 4)).get_concrete_function(
        tf.TensorSpec([7, 24])
    )
    assert [o.shape.as_list() for o in static.outputs] == [[7, 4], [7, 4]]


def test_searches_of_one_handle_do_not_wait_for_one_another(searcher: Searcher) -> None:
    @tf.function
    def twice(queries: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return searcher.search(queries, 2) + searcher.search(queries, 3)

    graph = twice.get_concrete_function(tf.TensorSpec([None, 24])).graph
    searches = [op for op in graph.get_operations() if op.type == "ScannSearchBatched"]
    assert len(searches) == 2
    assert not any(op.control_inputs for op in searches)


def test_datasets_with_and_without_identifiers(
    vectors: np.ndarray, names: np.ndarray, searcher: Searcher, tree_config: IndexConfig
) -> None:
    batches = tf.data.Dataset.from_tensor_slices(vectors).batch(700)
    named = tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(names).batch(700), batches))
    expected = searcher.search(vectors[:5])[1].numpy()
    from_named = Searcher.build(named, config=tree_config).search(vectors[:5])[1].numpy()
    from_batches = Searcher.build(batches, config=tree_config).search(vectors[:5])[1].numpy()
    assert (from_named == expected).all()
    assert (names[from_batches] == expected.astype(str)).all()


@pytest.mark.parametrize(
    "make", [tf.constant, tf.Variable, np.asfortranarray, lambda x: x.tolist()]
)
def test_forms_of_candidates(vectors: np.ndarray, make: object) -> None:
    searcher = Searcher.build(make(vectors[:50]))  # type: ignore[operator]
    assert searcher.search(vectors[3] * 3, 1)[1].numpy().tolist() == [
        brute_force(vectors[3:4] * 3, vectors[:50], 1)[1][0, 0]
    ]


@pytest.mark.parametrize("dtype", [tf.float64, tf.float16, tf.bfloat16])
def test_other_floats(vectors: np.ndarray, dtype: tf.DType) -> None:
    searcher = Searcher.build(tf.cast(vectors[:50], dtype))
    scores, _ = searcher.search(tf.cast(vectors[:2], dtype), 3)
    assert scores.dtype == tf.float32


def test_small_catalogues_are_exact_and_parameters_are_clamped() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert Searcher.build(rows).info().is_exact
    searcher = Searcher.build(
        rows, config=IndexConfig(num_leaves=100, num_leaves_to_search=50, dimensions_per_block=9)
    )
    info = searcher.info()
    assert (info.num_leaves, info.num_leaves_to_search, info.dimensions_per_block) == (3, 3, 3)
    assert searcher.search(rows[1], 1, num_leaves_to_search=1000)[1].numpy().tolist() == [1]


def test_info_and_repr(searcher: Searcher) -> None:
    info = searcher.info()
    assert (info.num_candidates, info.dimensions, info.num_leaves) == (3000, 24, 50)
    assert info.identifiers == "string"
    assert not info.default_identifiers
    assert info.file_bytes >= sum(info.section_bytes.values())
    assert repr(searcher) == (
        "<Searcher of 3000 candidates x 24 dimensions, dot_product, 50 leaves>"
    )
    assert repr(Searcher()) == "<Searcher without an index>"


def test_int8_reordering_makes_a_smaller_index(vectors: np.ndarray, searcher: Searcher) -> None:
    config = IndexConfig(num_leaves=50, reordering_dtype="int8")
    small = Searcher.build(vectors, config=config)
    assert "rows" not in small.info().section_bytes
    scores, rows = small.search(vectors[:50])
    true_scores, true_rows = brute_force(vectors[:50], vectors, 10)
    np.testing.assert_allclose(scores[:, 0], true_scores[:, 0], rtol=0.05)
    assert recall(rows.numpy(), true_rows) > 0.85


def test_rebuild_replaces_the_index(vectors: np.ndarray) -> None:
    searcher = Searcher.build(vectors[:100])
    function = tf.function(lambda q: searcher.search(q, 1)[1])
    assert function(vectors[:1]).shape == (1, 1)
    searcher.rebuild(np.eye(24, dtype=np.float32))
    assert function(np.eye(24, dtype=np.float32)[7:8]).numpy().tolist() == [[7]]
    with pytest.raises(ValueError, match="row 1 has a NaN"):
        searcher.rebuild([[1.0], [np.nan]])
    assert searcher.info().num_candidates == 24


def test_progress_is_reported_and_can_stop_a_build(vectors: np.ndarray) -> None:
    calls: list[tuple[str, int, int]] = []
    config = IndexConfig(num_leaves=20)
    Searcher.build(vectors, config=config, progress=lambda *call: calls.append(call))
    stages = list(dict.fromkeys(stage for stage, _, _ in calls))
    assert stages[0] == "training leaves"
    assert stages[-1] == "writing"
    assert all(0 <= done <= total for _, done, total in calls)

    def stop(stage: str, done: int, total: int) -> None:
        raise RuntimeError(f"no more of {stage}")

    with pytest.raises(RuntimeError, match="no more of training leaves"):
        Searcher.build(vectors, config=config, progress=stop)


def test_ctrl_c_stops_a_build_at_once_and_leaves_no_file(tmp_path: object) -> None:
    program = """
        import signal, numpy as np, tensorflow_scann as tfscann
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
        rows = np.random.default_rng(0).normal(size=(60000, 64)).astype(np.float32)
        def say(stage, done, total):
            print(stage, flush=True)
        tfscann.Searcher.build(rows, config=tfscann.IndexConfig(training_iterations=1000000),
                               progress=say)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", "import textwrap,sys;exec(textwrap.dedent(sys.argv[1]))", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**__import__("os").environ, "TMPDIR": str(tmp_path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "training leaves\n"
    assert len(list(tmp_path.iterdir())) == 1  # type: ignore[attr-defined]
    child.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, errors = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - start < 10
    assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]


def test_concurrent_searches_while_the_index_is_replaced(vectors: np.ndarray) -> None:
    searcher = Searcher.build(vectors)
    stop = threading.Event()
    failures: list[BaseException] = []

    def search() -> None:
        try:
            while not stop.is_set():
                _, rows = searcher.search(vectors[:8], 1)
                assert ((rows.numpy() >= 0) & (rows.numpy() < 3000)).all()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for size in (100, 3000, 50, 2000):
        searcher.rebuild(vectors[:size])
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_searcher_frees_its_resource_and_file(vectors: np.ndarray, tmp_path: object) -> None:
    searcher = Searcher.build(vectors)
    handle, path = searcher.resource_handle, searcher._asset.asset_path.numpy().decode()
    assert tf.io.gfile.exists(path)
    del searcher
    assert not tf.io.gfile.exists(path)
    with pytest.raises(tf.errors.NotFoundError):
        tfscann._ops.scann_info(handle)


@pytest.mark.parametrize(
    "identifiers",
    [np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.3], np.float32), np.array([-0.0, 1.0, 2.0])],
)
def test_exclusions_that_are_python_values(identifiers: np.ndarray) -> None:
    searcher = Searcher.build(np.eye(3, dtype=np.float32), identifiers)
    for i in range(3):
        _, found = searcher.search(
            np.eye(3, dtype=np.float32), 3, exclusions=[[0.0 + identifiers[i].item()]] * 3
        )
        assert np.isnan(found.numpy()).sum(axis=1).tolist() == [1, 1, 1]
        assert not (found.numpy() == identifiers[i]).any()
    assert searcher.search([[1.0, 0.0, 0.0]], 3, exclusions=[[]])[1].shape == (1, 3)


def test_no_exclusions_as_an_empty_list() -> None:
    for identifiers in (None, ["a", "b"]):
        searcher = Searcher.build(np.eye(2, dtype=np.float32), identifiers)
        assert searcher.search([[1.0, 0.0]], 2, exclusions=[[]])[1].shape == (1, 2)


def test_very_many_rows_of_one_identifier() -> None:
    rows = np.random.default_rng(0).normal(size=(100_000, 2)).astype(np.float32)
    config = IndexConfig(num_leaves=4, training_iterations=1, soar_lambda=0.0)
    identifiers = np.full(len(rows), 7)
    identifiers[:3] = [1, 2, 3]
    start = time.monotonic()
    with pytest.warns(UserWarning, match="^99996 candidates have an identifier that another"):
        searcher = Searcher.build(rows, identifiers, config=config)
    assert time.monotonic() - start < 20  # quadratic, it took a minute
    _, found = searcher.search([1.0, 0.0], 4, exclusions=[7])
    assert sorted(found.numpy().tolist()) == [-1, 1, 2, 3]


@pytest.mark.parametrize("measure", ["dot_product", "cosine", "squared_l2"])
def test_recall_is_that_against_brute_force(vectors: np.ndarray, measure: str) -> None:
    config = IndexConfig(num_leaves=50, num_leaves_to_search=2, distance_measure=measure)
    with pytest.warns(UserWarning, match="candidates have an identifier that another"):
        searcher = Searcher.build(vectors, np.arange(3000) % 7, config=config)
    rng = np.random.default_rng(3)
    queries = (vectors[:100] + rng.normal(size=(100, 24))).astype(np.float32)
    _, truth = brute_force(queries, vectors, 10, measure)
    by_rows = Searcher.build(vectors, config=config)
    for leaves in (1, 2, 50):
        expected = recall(by_rows.search(queries, num_leaves_to_search=leaves)[1].numpy(), truth)
        found = searcher.recall(queries, 10, num_leaves_to_search=leaves)
        assert found == pytest.approx(expected)
    assert searcher.recall(queries, num_leaves_to_search=1) < 0.95
    assert by_rows.recall(queries, 5000, num_leaves_to_search=50) == pytest.approx(1)


def test_recall_of_what_cannot_be_measured(vectors: np.ndarray, searcher: Searcher) -> None:
    with pytest.raises(ValueError, match="there is no index yet"):
        Searcher().recall(vectors)
    with pytest.raises(ValueError, match=r"queries have shape \(24,\), but must be \[b, d\]"):
        searcher.recall(vectors[0])
    with pytest.raises(ValueError, match="queries have 20 dimensions, but the index has 24"):
        searcher.recall(vectors[:2, :20])
    with pytest.raises(ValueError, match="queries have a NaN or infinite value"):
        searcher.recall(np.full([1, 24], np.nan))
    with pytest.raises(ValueError, match="k is 0"):
        searcher.recall(vectors[:2], 0)
    config = IndexConfig(num_leaves=50, reordering_dtype="int8")
    with pytest.raises(ValueError, match="int8 candidates only"):
        Searcher.build(vectors, config=config).recall(vectors[:2])


def _other_queries(count: int) -> np.ndarray:
    """Of 24 dimensions; far from where the vectors are."""
    rng = np.random.default_rng(8)
    return (0.5 + rng.normal(size=(count, 24))).astype(np.float32)


@pytest.mark.parametrize("target", [0.7, 0.95])
def test_tuning_queries_are_what_the_recall_is_of(vectors: np.ndarray, target: float) -> None:
    config = IndexConfig(num_leaves=50, target_recall=target)
    queries = _other_queries(1500)
    searcher = Searcher.build(vectors, config=config, tuning_queries=queries[:1000])
    info = searcher.info()
    assert target <= info.measured_recall < target + 0.1
    assert searcher.recall(queries[:1000]) == pytest.approx(info.measured_recall, abs=0.002)
    assert searcher.recall(queries[1000:]) > target - 0.02
    without = Searcher.build(vectors, config=config).info()
    assert abs(without.measured_recall - info.measured_recall) > 0.002


def test_recall_is_not_of_queries_that_were_learned_from(vectors: np.ndarray) -> None:
    uneven = vectors.copy()
    uneven[::2] *= 3
    config = IndexConfig(num_leaves=300, target_recall=0.8)
    queries = _other_queries(6000)
    searcher = Searcher.build(uneven, config=config, tuning_queries=queries[:5000])
    info = searcher.info()
    assert "routing_vectors" in info.section_bytes
    assert searcher.recall(queries[5000:]) == pytest.approx(info.measured_recall, abs=0.03)
    fewer = Searcher.build(uneven, config=config, tuning_queries=queries[:2000]).info()
    assert fewer.measured_recall >= 0.8


def test_mistakes_with_tuning_queries(vectors: np.ndarray) -> None:
    infinite = np.zeros([2, 24], np.float32)
    infinite[1, 1] = np.inf
    for queries, message in (
        (np.zeros([3, 7]), "tuning_queries have 7 dimensions, but candidates have 24"),
        (np.zeros([24]), r"tuning_queries have shape \(24,\)"),
        (np.zeros([0, 24]), r"tuning_queries have shape \(0, 24\)"),
        (infinite, "tuning_queries have a NaN or infinite value"),
        (["a", "b"], "tuning_queries must be floats of rank 2"),
    ):
        with pytest.raises(ValueError, match=message):
            Searcher.build(vectors, tuning_queries=queries)


def test_logs_through_logging(
    vectors: np.ndarray, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="tensorflow_scann"):
        Searcher.build(vectors).save(tmp_path / "index")
        Searcher.load(tmp_path / "index")
    built, loaded = caplog.messages
    assert re.fullmatch(r"Built in [\d.]+ s: 3,000 candidates of 24 dimensions, .*", built)
    assert loaded.startswith(f"Loaded {tmp_path / 'index'}: 3,000 candidates")
