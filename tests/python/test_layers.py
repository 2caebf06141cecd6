"""The layers, under Keras 3 and (TF_USE_LEGACY_KERAS=1) under tf-keras."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann
from tensorflow_scann.layers.factorized_top_k import BruteForce, ScaNN, Streaming, TopK

from conftest import brute_force, recall

pytestmark = pytest.mark.keras
LEGACY = os.environ.get("TF_USE_LEGACY_KERAS") == "1"


def _index(layer: TopK, vectors: np.ndarray, names: np.ndarray | None = None) -> TopK:
    if not isinstance(layer, Streaming):
        return layer.index(vectors, names)
    batches = tf.data.Dataset.from_tensor_slices(vectors).batch(700)
    if names is not None:
        named = tf.data.Dataset.from_tensor_slices(names).batch(700)
        batches = tf.data.Dataset.zip((named, batches))
    return layer.index_from_dataset(batches)


def _scann(*args: Any, **kwargs: Any) -> ScaNN:
    """A tree that searches everything."""
    return ScaNN(
        *args, num_leaves=30, num_leaves_to_search=30, num_reordering_candidates=3000, **kwargs
    )


EXACT = [BruteForce, Streaming, _scann]


@pytest.fixture(scope="module")
def query_model() -> Any:
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [layers.StringLookup(vocabulary=[str(i) for i in range(50)]), layers.Embedding(51, 24)]
    )


@pytest.mark.parametrize("make", EXACT)
def test_results_are_those_of_brute_force(
    make: Callable[..., TopK], vectors: np.ndarray, names: np.ndarray
) -> None:
    queries = vectors[:40] + 0.1
    true_scores, true_rows = brute_force(queries, vectors, 7)
    for identifiers, expected in ((None, true_rows), (names, names[true_rows].astype("S"))):
        layer = _index(make(k=7), vectors, identifiers)
        scores, found = layer(queries)
        np.testing.assert_allclose(scores, true_scores, rtol=2e-5)
        assert recall(found.numpy(), expected) > 0.999
        assert found.dtype == (tf.int32 if identifiers is None else tf.string)
        one_scores, one = layer(queries[3])
        np.testing.assert_allclose(one_scores, scores[3], rtol=1e-6)
        assert recall(one.numpy()[None], found.numpy()[3:4]) > 0.8


@pytest.mark.parametrize("measure", ["cosine", "squared_l2"])
def test_other_measures_of_brute_force(vectors: np.ndarray, measure: str) -> None:
    scores, rows = BruteForce(k=5, distance_measure=measure).index(vectors)(vectors[:20] + 0.1)
    true_scores, true_rows = brute_force(vectors[:20] + 0.1, vectors, 5, measure)
    np.testing.assert_allclose(scores, true_scores, rtol=1e-4, atol=1e-4)
    assert recall(rows.numpy(), true_rows) > 0.99


@pytest.mark.parametrize("make", EXACT)
def test_k_of_a_call(make: Callable[..., TopK], vectors: np.ndarray) -> None:
    layer = _index(make(k=7), vectors)
    _, seven = layer(vectors[:3])
    for k in (3, tf.constant(3), np.int64(3)):
        assert (layer(vectors[:3], k=k)[1].numpy() == seven.numpy()[:, :3]).all()
    in_graph = tf.function(lambda q, k: layer.call(q, k))
    assert in_graph(vectors[:3], tf.constant(4))[1].shape == (3, 4)


@pytest.mark.parametrize("make", EXACT)
def test_exclusions(make: Callable[..., TopK], vectors: np.ndarray, names: np.ndarray) -> None:
    layer = _index(make(k=5), vectors, names)
    _, best = layer(vectors[:3], k=12)
    dense = best.numpy()[:, :4]
    _, found = layer.query_with_exclusions(vectors[:3], dense)
    assert (found.numpy() == best.numpy()[:, 4:9]).all()
    _, found = layer.query_with_exclusions(vectors[:3], tf.constant(dense), k=2)
    assert (found.numpy() == best.numpy()[:, 4:6]).all()
    _, found = layer.query_with_exclusions(vectors[:3], tf.zeros([3, 0], tf.string))
    assert (found.numpy() == best.numpy()[:, :5]).all()
    ragged = tf.RaggedTensor.from_row_lengths([*dense[0, :1], *dense[2]], [1, 0, 4])
    _, found = layer.query_with_exclusions(vectors[:3], ragged)
    for i, skipped in enumerate((1, 0, 4)):
        assert (found.numpy()[i] == best.numpy()[i, skipped : skipped + 5]).all()
    _, found = layer.query_with_exclusions(vectors[0], dense[0])
    assert (found.numpy() == best.numpy()[0, 4:9]).all()


@pytest.mark.parametrize("make", [BruteForce, Streaming, ScaNN])
def test_missing_places(make: Callable[..., TopK]) -> None:
    layer = _index(make(k=5), np.eye(3, dtype=np.float32), np.array([5, 6, 7], np.int64))
    queries = np.array([[1, 0, 0], [np.nan, 0, 0], [0, np.inf, 0]], np.float32)
    scores, found = layer(queries)
    assert scores.shape == found.shape == (3, 5)
    assert found.numpy()[0, 0] == 5
    assert found.numpy()[0, 3:].tolist() == [-1, -1]
    assert scores.numpy()[0, 3:].tolist() == [-np.inf] * 2
    assert (found.numpy()[1:] == -1).all()
    assert (scores.numpy()[1:] == -np.inf).all()
    # Few candidates remain: the excluded ones do not come back.
    _, found = layer.query_with_exclusions(queries[:1], [[5, 7]])
    assert found.numpy().tolist() == [[6, -1, -1, -1, -1]]
    _, found = layer.query_with_exclusions(queries[:1], [[5, 6, 7]])
    assert found.numpy().tolist() == [[-1] * 5]


@pytest.mark.parametrize("make", [BruteForce, ScaNN])
def test_excluding_an_identifier_of_several_rows(make: Callable[..., TopK]) -> None:
    with pytest.warns(UserWarning, match="^2 candidates have an identifier that another"):
        layer = make(k=3).index(np.eye(4, dtype=np.float32), np.array([7, 7, 8, 7]))
    _, found = layer.query_with_exclusions([[1.0, 0.9, 0.1, 0.8]], [[7]])
    assert found.numpy().tolist() == [[8, -1, -1]]


@pytest.mark.parametrize("make", EXACT)
def test_saved_with_a_query_model_and_used_in_a_new_process(
    make: Callable[..., TopK],
    vectors: np.ndarray,
    names: np.ndarray,
    query_model: Any,
    tmp_path: pathlib.Path,
    run_python: Callable[..., str],
) -> None:
    # The program of the TFRS tutorial.
    layer = _index(make(query_model, k=4), vectors, names)
    queries = tf.constant(["7", "42"])
    _, expected = layer(queries)
    tf.saved_model.save(
        layer,
        str(tmp_path / "model"),
        options=tf.saved_model.SaveOptions(namespace_whitelist=["Scann"]),
    )
    printed = run_python(
        """
        import sys, tensorflow as tf
        import tensorflow_scann
        loaded = tf.saved_model.load(sys.argv[1])
        scores, names = loaded(["7", "42"])
        print(*[n.decode() for n in names.numpy().ravel()])
        _, names = loaded(tf.constant(["7", "42"]), k=2)
        print(*[n.decode() for n in names.numpy().ravel()])
        _, names = loaded.query_with_exclusions(tf.constant(["7", "42"]), names)
        print(*[n.decode() for n in names.numpy()[:, :2].ravel()])
        outputs = loaded.signatures["serving_default"](queries=tf.constant(["7"]))
        print(*sorted(outputs), *[n.decode() for n in outputs["identifiers"].numpy().ravel()])
        """,
        tmp_path / "model",
    )
    lines = [line.split() for line in printed.splitlines()]
    texts = expected.numpy().astype(str)
    assert lines[0] == texts.ravel().tolist()
    assert lines[1] == texts[:, :2].ravel().tolist()
    assert lines[2] == texts[:, 2:].ravel().tolist()
    assert lines[3] == ["identifiers", "scores", *texts[0]]


@pytest.mark.parametrize("make", EXACT)
def test_export(
    make: Callable[..., TopK], vectors: np.ndarray, names: np.ndarray, tmp_path: pathlib.Path
) -> None:
    layer = _index(make(k=4), vectors, names)
    _, expected = layer(vectors[:3])
    tfscann.export(layer, tmp_path / "a")
    layer.export(str(tmp_path / "b"))
    for path in (tmp_path / "a", tmp_path / "b"):
        loaded = tf.saved_model.load(str(path))
        assert set(loaded.signatures) == {
            "serving_default",
            "query_with_exclusions",
            "query_with_parameters",
        }
        outputs = loaded.signatures["serving_default"](queries=tf.constant(vectors[:3]))
        assert (outputs["identifiers"].numpy() == expected.numpy()).all()
        outputs = loaded.signatures["query_with_exclusions"](
            queries=tf.constant(vectors[:3]), exclusions=expected[:, :1]
        )
        assert (outputs["identifiers"].numpy()[:, :3] == expected.numpy()[:, 1:]).all()
        assert (loaded(vectors[0])[1].numpy() == expected.numpy()[0]).all()


@pytest.mark.parametrize("save", [tf.saved_model.save, tfscann.export])
def test_k_and_effort_of_a_call_of_a_saved_model(
    save: Callable[..., None], vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    layer = ScaNN(k=4, num_leaves=50, num_leaves_to_search=1, num_reordering_candidates=6)
    save(layer.index(vectors), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    _, rows = brute_force(vectors[:30], vectors, 60)

    def found(k: int, **effort: Any) -> float:
        results = loaded.query_with_parameters(vectors[:30], k=k, **effort)
        assert results["scores"].shape == [30, k]
        return recall(results["identifiers"].numpy(), rows[:, :k])

    default = {"num_leaves_to_search": 0, "num_reordering_candidates": 0}
    thorough = {
        "num_leaves_to_search": tf.constant(50),
        "num_reordering_candidates": tf.constant(3000),
    }
    assert found(60, **thorough) == 1
    assert found(60, **default) < found(60, **{**default, "num_leaves_to_search": 50}) < 1
    # With a longer list for the larger k.
    longer = {"num_leaves_to_search": 50, "num_reordering_candidates": 0}
    named = {"num_leaves_to_search": 50, "num_reordering_candidates": 12}
    assert found(8, **longer) == found(8, **named)


def test_export_of_a_searcher(
    searcher: tfscann.Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    tfscann.export(searcher, tmp_path / "model")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    expected = searcher.search(vectors[:3])[1].numpy()
    outputs = loaded.signatures["serving_default"](queries=tf.constant(vectors[:3]))
    assert (outputs["identifiers"].numpy() == expected).all()


def test_export_of_what_cannot_be(tmp_path: pathlib.Path, query_model: Any) -> None:
    with pytest.raises(ValueError, match="layer_or_searcher is a str, but must be a TopK layer"):
        tfscann.export("model", tmp_path / "x")
    with pytest.raises(ValueError, match="there is no index yet"):
        tfscann.export(ScaNN(), tmp_path / "x")
    layer = BruteForce(query_model).index(np.eye(24, dtype=np.float32))
    with pytest.raises(ValueError, match="with a query before saving it"):
        tfscann.export(layer, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("make", [BruteForce, Streaming, ScaNN])
@pytest.mark.parametrize("with_model", [False, True])
def test_keras_file_round_trip(
    make: Callable[..., TopK],
    with_model: bool,
    vectors: np.ndarray,
    names: np.ndarray,
    query_model: Any,
    tmp_path: pathlib.Path,
) -> None:
    layer = _index(make(query_model if with_model else None, k=4), vectors, names)
    queries = tf.constant(["1", "2"]) if with_model else tf.constant(vectors[:2])
    _, expected = layer(queries)
    layer.save(tmp_path / "layer.keras")
    loaded = tf.keras.models.load_model(tmp_path / "layer.keras")
    assert type(loaded) is make
    assert (loaded(queries)[1].numpy() == expected.numpy()).all()
    config, again = layer.get_config(), loaded.get_config()
    config.pop("query_model", None)
    again.pop("query_model", None)
    assert config == again


@pytest.mark.parametrize("make", [BruteForce, ScaNN])
def test_checkpoint_round_trip(
    make: Callable[..., TopK], vectors: np.ndarray, names: np.ndarray, tmp_path: pathlib.Path
) -> None:
    layer = _index(make(k=4), vectors, names)
    path = tf.train.Checkpoint(layer=layer).save(str(tmp_path / "checkpoint"))
    restored = make(k=4)
    tf.train.Checkpoint(layer=restored).restore(path)
    assert (restored(vectors[:5])[1].numpy() == layer(vectors[:5])[1].numpy()).all()


@pytest.mark.skipif(not LEGACY, reason="Keras 3 writes SavedModels by export, not by save")
@pytest.mark.parametrize("make", EXACT)
def test_tf_keras_saved_model(
    make: Callable[..., TopK], vectors: np.ndarray, names: np.ndarray, tmp_path: pathlib.Path
) -> None:
    layer = _index(make(k=4), vectors, names)
    _, expected = layer(vectors[:3])
    layer.save(tmp_path / "model")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert (loaded(vectors[:3])[1].numpy() == expected.numpy()).all()
    revived = tf.keras.models.load_model(tmp_path / "model")
    assert (revived(vectors[:3])[1].numpy() == expected.numpy()).all()


@pytest.mark.skipif(not LEGACY, reason="TensorFlow Recommenders refuses Keras 3")
def test_candidates_of_the_metric_of_tfrs(vectors: np.ndarray) -> None:
    tfrs = pytest.importorskip("tensorflow_recommenders")
    true_rows = np.arange(100, dtype=np.int32)
    queries = (vectors[:100] + 0.5).astype(np.float32)
    values = []
    for candidates in (
        tfrs.layers.factorized_top_k.BruteForce(k=20).index(vectors),
        BruteForce(k=20).index(vectors),
        _scann(k=20).index(vectors),
    ):
        metric = tfrs.metrics.FactorizedTopK(candidates=candidates, ks=(1, 5, 20))
        metric.update_state(queries, vectors[:100], true_candidate_ids=true_rows[:, None])
        values.append([float(value) for value in metric.result()])
    assert values[1] == values[0]
    assert values[2] == values[0]


def test_inside_a_larger_model(vectors: np.ndarray, query_model: Any) -> None:
    class Recommender(tf.keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.query_model = query_model
            self.index = ScaNN(k=3)

        def call(self, users: tf.Tensor) -> tf.Tensor:
            return self.index(self.query_model(users))[1]

    model = Recommender()
    model.index.index(vectors)
    users = tf.constant(["1", "2", "3"])
    predicted = model.predict(users, verbose=0)
    assert predicted.shape == (3, 3)
    assert (predicted == model(users).numpy()).all()


def test_index_again_replaces_the_candidates(vectors: np.ndarray) -> None:
    for make in (BruteForce, ScaNN):
        layer = make(k=1).index(vectors)
        predict = tf.function(layer.call)
        predict(vectors[:2])
        layer.index(np.eye(24, dtype=np.float32) * 2)
        assert predict(np.eye(24, dtype=np.float32)[3:5])[1].numpy().tolist() == [[3], [4]]


def test_is_exact() -> None:
    assert BruteForce().is_exact()
    assert Streaming().is_exact()
    assert not ScaNN().is_exact()
    with pytest.raises(NotImplementedError, match="call index_from_dataset"):
        Streaming().index(np.eye(3, dtype=np.float32))


def test_positional_arguments_are_those_of_tfrs() -> None:
    layer = ScaNN(None, 5, "cosine", 20, 3, 7, 4, 50, False, "name")
    config = layer.config
    assert (layer.k, layer.name, config.distance_measure, config.num_leaves) == (
        5,
        "name",
        "cosine",
        20,
    )
    assert (config.num_leaves_to_search, config.training_iterations) == (3, 7)
    assert (config.dimensions_per_block, config.num_reordering_candidates) == (4, 50)
    assert layer.searcher.parallelize is False
    assert Streaming(None, 5, False, 2, False).k == 5
    assert BruteForce(None, 5, "name").name == "name"


def test_unsorted_and_complete_batches(vectors: np.ndarray) -> None:
    batches = tf.data.Dataset.from_tensor_slices(vectors).batch(1000)
    expected = BruteForce(k=5).index(vectors)(vectors[:3])[1].numpy()
    layer = Streaming(
        k=5, handle_incomplete_batches=False, sorted_order=False, num_parallel_calls=2
    )
    found = layer.index_from_dataset(batches)(vectors[:3])[1].numpy()
    assert (np.sort(found) == np.sort(expected)).all()


def test_brute_force_far_from_the_origin_and_at_extreme_lengths() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
    layer = BruteForce(k=1, distance_measure="squared_l2").index(rows + 1000)
    scores, found = layer(rows + 1000)
    assert found.numpy()[:, 0].tolist() == list(range(500))
    np.testing.assert_allclose(scores, 0, atol=1e-2)
    for length in (1e-18, 1e20):
        layer = BruteForce(k=1, distance_measure="cosine").index(rows * np.float32(length))
        scores, found = layer(rows[:50] * np.float32(length))
        np.testing.assert_allclose(scores, 1, atol=1e-5)
        assert found.numpy()[:, 0].tolist() == list(range(50))


def test_a_policy_of_half_precision_leaves_embeddings_alone(vectors: np.ndarray) -> None:
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        for make in (BruteForce, ScaNN):
            layer = make(k=1).index(vectors)
            scores, _ = layer(vectors[:3] * 1e5)
            expected, _ = brute_force(vectors[:3] * 1e5, vectors, 1)
            np.testing.assert_allclose(scores, expected, rtol=1e-5)
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)


def test_a_streaming_layer_of_a_keras_file_can_be_exported(
    vectors: np.ndarray, names: np.ndarray, tmp_path: pathlib.Path, run_python: Callable[..., str]
) -> None:
    layer = _index(Streaming(k=2), vectors, names)
    layer.save(tmp_path / "layer.keras")
    tfscann.export(tf.keras.models.load_model(tmp_path / "layer.keras"), tmp_path / "model")
    program = """
        import sys, numpy as np, tensorflow as tf
        found = tf.saved_model.load(sys.argv[1])(np.ones([1, 24], np.float32))[1]
        print(*[name.decode() for name in found.numpy()[0]])
    """
    found = run_python(program, tmp_path / "model").split()
    assert found == layer(np.ones([1, 24], np.float32))[1].numpy().astype(str)[0].tolist()


@pytest.mark.parametrize("make", EXACT)
def test_bad_calls_in_graphs(make: Callable[..., TopK], vectors: np.ndarray) -> None:
    layer = _index(make(k=2), vectors)
    with pytest.raises(tf.errors.InvalidArgumentError, match="k .*must be at least 1"):
        layer.call(vectors[:3], k=tf.constant(0))
    with pytest.raises(ValueError, match="k has dtype float32, but must be int32"):
        layer.call(vectors[:3], k=tf.constant(2.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="k .*must be at least 1"):
        layer.call(vectors[:3], k=tf.constant(-(2**40), tf.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="3 dimensions, but the index has 24"):
        layer.call(vectors[:3, :3])
    for exclusions in ([[1]], tf.ragged.constant([[1], [2]])):
        with pytest.raises(tf.errors.InvalidArgumentError, match="exclusions .*row"):
            layer.query_with_exclusions(vectors[:3], exclusions)


def test_ragged_queries(vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    table = tf.constant(vectors)

    def mean_of_history(histories: tf.RaggedTensor) -> tf.Tensor:
        return tf.reduce_mean(tf.gather(table, histories), axis=1)

    layer = BruteForce(mean_of_history, k=3).index(vectors)
    histories = tf.ragged.constant([[1, 2], [5]])
    _, found = layer.call(histories)
    assert (found.numpy()[1] == BruteForce(k=3).index(vectors)(vectors[5])[1].numpy()).all()
    assert isinstance(layer.query_spec(), tf.RaggedTensorSpec)


def test_a_list_of_raw_queries(vectors: np.ndarray, query_model: Any) -> None:
    layer = BruteForce(query_model, k=3).index(vectors)
    expected = layer(tf.constant(["1", "2"]))[1].numpy()
    assert (layer.call(["1", "2"])[1].numpy() == expected).all()
    assert layer.query_spec() == tf.TensorSpec([None], tf.string)


def test_plain_calls_pass_keras_by_and_others_do_not(vectors: np.ndarray) -> None:
    layer = ScaNN(k=4, num_leaves=50).index(vectors)
    first = layer(vectors[:3])[1].numpy()  # through Keras
    for results in (
        layer(vectors[:3]),
        layer(vectors[:3], 4),
        layer(tf.constant(vectors[:3]), k=4),
    ):
        assert (results[1].numpy() == first).all()
    assert layer(vectors[0])[1].shape == (4,)
    inputs = tf.keras.Input([24])
    model = tf.keras.Model(inputs, layer(inputs))
    assert (model(vectors[:3])[1].numpy() == first).all()
    with pytest.raises(ValueError, match="k is 0"):
        layer(vectors[:3], k=0)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("writeable", [True, False])
@pytest.mark.parametrize("offset", [0, 4, 20])
def test_queries_in_any_memory(
    vectors: np.ndarray, order: str, writeable: bool, offset: int
) -> None:
    layer = ScaNN(k=4, num_leaves=50).index(vectors)
    expected = layer(tf.constant(vectors[:5]))[1].numpy()
    memory = np.zeros(offset + vectors[:5].nbytes, np.uint8)
    queries = memory[offset:].view(np.float32).reshape((5, 24), order=order)
    queries[:] = vectors[:5]
    queries.flags.writeable = writeable
    for _ in range(2):
        assert (layer(queries)[1].numpy() == expected).all()
        assert (layer(queries[1])[1].numpy() == expected[1]).all()
        assert (layer(queries[::2])[1].numpy() == expected[::2]).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_every_call_casts_as_the_first_does(
    vectors: np.ndarray, dtype: type, tmp_path: pathlib.Path
) -> None:
    weights = tf.constant(np.eye(24, dtype=np.float32))
    layer = ScaNN(lambda queries: queries @ weights, k=4, num_leaves=50).index(vectors)
    queries = vectors[:3].astype(dtype)
    results = [layer(queries)[1].numpy() for _ in range(3)]
    assert (results[0] == results[2]).all()
    assert layer.query_spec().dtype == tf.float32
    tfscann.export(layer, tmp_path)
    loaded = tf.saved_model.load(str(tmp_path))
    assert (loaded(queries.astype(np.float32))[1].numpy() == results[0]).all()


def test_tuning_queries_go_through_the_query_model(query_model: Any, vectors: np.ndarray) -> None:
    users = np.array([str(i) for i in range(50)])
    embeddings = query_model(tf.constant(users)).numpy()
    parameters = {"num_leaves": 50, "target_recall": 0.9}
    layer = ScaNN(query_model, **parameters).index(vectors, tuning_queries=users)
    expected = ScaNN(**parameters).index(vectors, tuning_queries=embeddings)
    assert layer.searcher.info() == expected.searcher.info()
    assert layer.searcher.recall(embeddings) >= 0.9
    batches = tf.data.Dataset.from_tensor_slices(vectors).batch(100)
    layer = ScaNN(**parameters).index_from_dataset(batches, tuning_queries=embeddings)
    assert layer.searcher.info() == expected.searcher.info()


def test_repr_says_what_it_is(vectors: np.ndarray) -> None:
    assert repr(BruteForce(k=3, name="b")) == "<BruteForce 'b', k=3, no candidates yet>"
    layer = BruteForce(k=3, name="b").index(vectors)
    assert repr(layer) == "<BruteForce 'b', k=3, candidates of 24 dimensions>"
    assert repr(ScaNN(name="s")) == "<ScaNN 's', k=10, <Searcher without an index>>"
    assert "3000 candidates x 24 dimensions" in repr(_index(_scann(name="s"), vectors))
    assert repr(_index(Streaming(name="t"), vectors)) == (
        "<Streaming 't', k=10, candidates of 24 dimensions>"
    )
