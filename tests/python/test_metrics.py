"""The metrics, under Keras 3 and (TF_USE_LEGACY_KERAS=1) under tf-keras."""

import os
import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann
from tensorflow_scann.layers.factorized_top_k import BruteForce, ScaNN, Streaming
from tensorflow_scann.metrics import FactorizedTopK

pytestmark = pytest.mark.keras
LEGACY = os.environ.get("TF_USE_LEGACY_KERAS") == "1"
KS = (1, 3, 10, 40)


@pytest.fixture(scope="module")
def integers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates, queries, and rows of chosen candidates: products without rounding, many equal."""
    rng = np.random.default_rng(3)
    candidates = rng.integers(-4, 5, size=(500, 8)).astype(np.float32)
    queries = rng.integers(-4, 5, size=(200, 8)).astype(np.float32)
    scores = queries @ candidates.T + rng.normal(size=(200, 500))
    chosen = np.argsort(-scores)[np.arange(200), rng.integers(0, 60, size=200)]
    return candidates, queries, chosen


def _dataset(candidates: np.ndarray, ids: Any = None, size: int = 70) -> tf.data.Dataset:
    columns = candidates if ids is None else (ids, candidates)
    return tf.data.Dataset.from_tensor_slices(columns).batch(size)


def _values(metric: FactorizedTopK) -> list[float]:
    return [float(value) for value in metric.result()]


def _by_scores(candidates: np.ndarray, queries: np.ndarray, chosen: np.ndarray) -> list[float]:
    scores = queries @ candidates.T
    higher = (scores > scores[np.arange(len(queries)), chosen][:, None]).sum(1)
    return [float((higher < k).mean()) for k in KS]


def test_scores(integers: Any) -> None:
    candidates, queries, chosen = integers
    expected = _by_scores(candidates, queries, chosen)
    assert 0 < expected[0] < expected[-1] < 1
    brute_force = BruteForce(k=5).index(candidates)
    for source in (
        _dataset(candidates),
        _dataset(candidates, np.arange(500)),
        _dataset(candidates, size=3000),
        brute_force,
    ):
        metric = FactorizedTopK(source, KS)
        metric.update_state(queries[:90], candidates[chosen[:90]])
        metric.update_state(queries[90:], candidates[chosen[90:]])
        np.testing.assert_allclose(_values(metric), expected, rtol=1e-6)
        metric.reset_states()
        assert _values(metric) == [0.0] * len(KS)


def test_more_candidates_than_a_block() -> None:
    candidates = np.arange(20000, dtype=np.float32)[:, None]
    queries = np.ones([2, 1], np.float32)
    chosen = np.array([[19990.0], [19989.5]], np.float32)  # 9 and 10 are higher
    for source in (_dataset(candidates, size=130), BruteForce().index(candidates)):
        metric = FactorizedTopK(source, (9, 10, 11))
        metric.update_state(queries, chosen)
        assert _values(metric) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("measure", ["cosine", "squared_l2"])
def test_other_measures(vectors: np.ndarray, measure: str) -> None:
    layer = BruteForce(distance_measure=measure).index(vectors)
    queries = vectors[:50] + 0.05
    metric = FactorizedTopK(layer, (1, 500))
    metric.update_state(queries, vectors[:50] + 0.06)  # near, and no candidate
    assert _values(metric) == [1.0, 1.0]
    metric.reset_state()
    metric.update_state(queries, -100 * vectors[:50])
    assert _values(metric) == [0.0, 0.0]


def test_cosine_is_of_directions() -> None:
    candidates = np.array([[10.0, 10.0], [1.0, 0.0], [0.0, 3.0]], np.float32)
    metric = FactorizedTopK(BruteForce(distance_measure="cosine").index(candidates), (1, 2, 3))
    queries = np.array([[5.0, 1.0], [0.0, 0.1]], np.float32)
    metric.update_state(queries, np.array([[0.5, 0.0], [1.0, 1.0]], np.float32))
    assert _values(metric) == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.str_])
def test_identifiers(integers: Any, kind: Any) -> None:
    candidates, queries, chosen = integers
    ids = (np.arange(500) + 7).astype(kind)
    order = np.argsort(-(queries @ candidates.T), axis=1, kind="stable")
    rank = (order == chosen[:, None]).argmax(1)
    expected = [float((rank < k).mean()) for k in KS]
    for source in (
        _dataset(candidates, ids),
        BruteForce(k=5).index(candidates, ids),
        ScaNN(k=5).index(candidates, ids),
    ):
        metric = FactorizedTopK(source, KS)
        for shape in ([-1], [-1, 1]):
            metric.reset_state()
            metric.update_state(queries, candidates[chosen], ids[chosen].reshape(shape))
            np.testing.assert_allclose(_values(metric), expected, atol=1e-6)


def test_identifiers_that_are_missing(vectors: np.ndarray) -> None:
    # -1 stands in missing places; it is not found there.
    metric = FactorizedTopK(ScaNN(k=5).index(vectors[:3]), (1, 10))
    metric.update_state(vectors[:2], vectors[:2], tf.constant([-1, 2]))
    assert _values(metric)[1] == 0.5


def test_weights(integers: Any) -> None:
    candidates, queries, chosen = integers
    weights = np.random.default_rng(0).random(200).astype(np.float32)
    higher = queries @ candidates.T > (queries * candidates[chosen]).sum(1)[:, None]
    expected = [float(np.average(higher.sum(1) < k, weights=weights)) for k in KS]
    metric = FactorizedTopK(_dataset(candidates), KS)
    metric.update_state(queries, candidates[chosen], sample_weight=weights)
    np.testing.assert_allclose(_values(metric), expected, rtol=1e-5)


def test_queries_that_are_no_numbers_miss(vectors: np.ndarray) -> None:
    metric = FactorizedTopK(_dataset(vectors), (1, 3000))
    queries = vectors[:2].copy()
    queries[1, 0] = np.nan
    metric.update_state(queries, vectors[:2])
    assert _values(metric)[1] == 0.5


def test_candidates_that_are_no_numbers_do_not_help(vectors: np.ndarray) -> None:
    rows = np.concatenate([vectors, np.full([4, 24], np.nan, np.float32)])
    metric = FactorizedTopK(_dataset(rows), (4, 5))
    metric.update_state(vectors[:20], 100 * vectors[:20])  # better than any
    assert _values(metric) == [0.0, 1.0]


@pytest.mark.parametrize("by_ids", [False, True])
def test_shapes_that_are_not_known(vectors: np.ndarray, by_ids: bool) -> None:
    metric = FactorizedTopK(_dataset(vectors), (1,))
    anything = tf.TensorSpec(None, tf.float32)

    @tf.function(input_signature=[anything, anything, tf.TensorSpec([None, None], tf.int64)])
    def update(queries: tf.Tensor, chosen: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        metric.update_state(queries, chosen, ids if by_ids else None)
        return tf.constant(0)

    update(vectors[:0], vectors[:0], np.zeros([0, 1], np.int64))
    update(10 * vectors[:3], 2 * vectors[:3], np.arange(3)[:, None] + 2**32)
    assert _values(metric) == [0.0 if by_ids else 1.0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="a chosen candidate for each query"):
        update(vectors[:3], vectors[:2], np.arange(2)[:, None])


def test_a_loaded_model_is_evaluated_by_its_own_embeddings(tmp_path: pathlib.Path) -> None:
    if LEGACY:
        pytest.skip(".keras files of tf-keras hold functional models only")
    items = np.arange(20)

    @tf.keras.utils.register_keras_serializable()
    class Model(tf.keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.item = tf.keras.layers.Embedding(20, 4)
            self.item.build(None)
            dataset = tf.data.Dataset.from_tensor_slices(items).batch(6)
            self.top_k = FactorizedTopK(dataset.map(lambda i: self.item(i)), (1,))

        def call(self, inputs: Any) -> Any:
            return self.item(inputs)

        def top_1(self) -> float:
            self.top_k.reset_state()
            best = tf.constant([[1.0, 1.0, 1.0, 1.0]])
            self.top_k.update_state(best, tf.reduce_max(self.item(items), 0)[None] - 0.01)
            return _values(self.top_k)[0]

    model = Model()
    model(items)
    assert not model.top_k.supports_jit  # or Keras, where there is a GPU, gives it to XLA
    # No item has the largest value of every dimension; then all have.
    model.item.set_weights([np.eye(20, 4, dtype=np.float32)])
    assert model.top_1() == 1.0
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    assert loaded.top_1() == 1.0
    loaded.item.set_weights([np.full([20, 4], 5, np.float32)])
    assert loaded.top_1() == 0.0


def test_candidates_of_a_model_in_training() -> None:
    # The dataset computes embeddings; every update sees the variable's value of the moment.
    scale = tf.Variable(1.0)
    rows = tf.data.Dataset.range(20).batch(6).map(lambda i: tf.cast(i, tf.float32)[:, None] * scale)
    metric = FactorizedTopK(rows, (5,))
    update = tf.function(lambda q, c: [metric.update_state(q, c), tf.constant(0)][1])
    query, chosen = tf.constant([[1.0]]), tf.constant([[15.5]])
    update(query, chosen)
    assert _values(metric) == [1.0]
    scale.assign(10.0)
    metric.reset_state()
    update(query, chosen)
    assert _values(metric) == [0.0]


def test_in_a_model(integers: Any) -> None:
    candidates, queries, chosen = integers
    metric = FactorizedTopK(_dataset(candidates), KS)

    class Model(tf.keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.top_k = metric

        def test_step(self, data: Any) -> dict[str, Any]:
            self.top_k.update_state(*data)
            return {one.name: one.result() for one in self.metrics}

    model = Model()
    model.compile()
    data = tf.data.Dataset.from_tensor_slices((queries, candidates[chosen])).batch(64)
    for _ in range(2):  # Keras resets the metrics before
        found = model.evaluate(data, return_dict=True, verbose=0)
        values = [found[f"factorized_top_k/top_{k}_categorical_accuracy"] for k in KS]
        np.testing.assert_allclose(values, _by_scores(candidates, queries, chosen), rtol=1e-5)


def test_the_numbers_of_tfrs(integers: Any, vectors: np.ndarray) -> None:
    if not LEGACY:
        pytest.skip("TensorFlow Recommenders needs tf-keras")
    import tensorflow_recommenders as tfrs

    candidates, queries, chosen = integers
    ids = (np.arange(500) + 7).astype(np.str_)
    rows = np.random.default_rng(1).integers(len(vectors), size=300)
    for users, items, picked, names in (
        (queries, candidates, chosen, ids),
        (vectors[:300] + vectors[rows] / 2, vectors, rows, np.arange(3000).astype(np.str_)),
    ):
        weights = np.random.default_rng(0).random(len(users)).astype(np.float32)
        for arguments in (
            {},
            {"sample_weight": weights},
            {"true_candidate_ids": tf.constant(names[picked])},
            {"true_candidate_ids": tf.constant(names[picked]), "sample_weight": weights},
        ):
            values = []
            for metric_class in (FactorizedTopK, tfrs.metrics.FactorizedTopK):
                metric = metric_class(_dataset(items, names), KS)
                metric.update_state(tf.constant(users), tf.constant(items[picked]), **arguments)
                values.append(_values(metric))
            np.testing.assert_allclose(*values, atol=1e-6)


def test_in_a_task_of_tfrs(integers: Any) -> None:
    if not LEGACY:
        pytest.skip("TensorFlow Recommenders needs tf-keras")
    import tensorflow_recommenders as tfrs

    candidates, queries, chosen = integers
    metric = FactorizedTopK(_dataset(candidates), KS)
    task = tfrs.tasks.Retrieval(metrics=metric)
    tf.function(task)(tf.constant(queries), tf.constant(candidates[chosen]))
    np.testing.assert_allclose(_values(metric), _by_scores(candidates, queries, chosen), rtol=1e-6)


def test_mistakes(vectors: np.ndarray) -> None:
    dataset = _dataset(vectors)
    with pytest.raises(ValueError, match="ks is empty"):
        FactorizedTopK(dataset, ())
    with pytest.raises(ValueError, match="ks is 0"):
        FactorizedTopK(dataset, (5, 0))
    with pytest.raises(ValueError, match="candidates is a ndarray"):
        FactorizedTopK(vectors)
    with pytest.raises(ValueError, match="ks is 5, but must be a sequence"):
        FactorizedTopK(dataset, 5)
    FactorizedTopK(dataset, np.array([1, 5]))
    metric = FactorizedTopK(dataset)
    with pytest.raises(ValueError, match=r"query_embeddings have shape \(24,\)"):
        metric.update_state(vectors[0], vectors[0])
    with pytest.raises(ValueError, match="true_candidate_embeddings have .* int64"):
        metric.update_state(vectors[:2], np.zeros([2, 24], np.int64))
    with pytest.raises(ValueError, match=r"true_candidate_ids have shape \(2, 3\)"):
        metric.update_state(vectors[:2], vectors[:2], tf.zeros([2, 3], tf.int32))
    with pytest.raises(ValueError, match=r"true_candidate_ids have shape \(3,\), but .* 2 queries"):
        metric.update_state(vectors[:2], vectors[:2], np.arange(3))
    with pytest.raises(ValueError, match="true_candidate_ids have dtype string, but .* int"):
        metric.update_state(vectors[:2], vectors[:2], np.array(["a", "b"]))
    with pytest.raises(ValueError, match=r"true_candidate_embeddings have shape \(1, 24\)"):
        metric.update_state(vectors[:2], vectors[:1])
    unsorted = Streaming(k=5, sorted_order=False).index_from_dataset(dataset)
    with pytest.raises(ValueError, match="sorted_order=False"):
        FactorizedTopK(unsorted).update_state(vectors[:2], vectors[:2], tf.range(2))
    with pytest.raises(ValueError, match="true_candidate_ids is None"):
        FactorizedTopK(ScaNN().index(vectors)).update_state(vectors[:2], vectors[:2])
    with pytest.raises(ValueError, match="there is no index yet"):
        FactorizedTopK(Streaming()).update_state(vectors[:2], vectors[:2])
    assert "metrics" in dir(tfscann)
