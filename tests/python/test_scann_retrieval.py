"""ScannRetrieval, the layer for Keras Recommenders."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann

from conftest import brute_force, recall

keras_rs = pytest.importorskip("keras_rs", reason="keras-rs is for Python 3.11 and later")
keras = tf.keras

THOROUGH = tfscann.IndexConfig(
    num_leaves=30, num_leaves_to_search=30, num_reordering_candidates=3000
)


def _layer(**kwargs: Any) -> Any:
    return tfscann.layers.ScannRetrieval(**{"k": 5, "config": THOROUGH, **kwargs})


def test_answers_as_the_exact_layer_of_keras_rs(vectors: np.ndarray) -> None:
    ids = np.random.default_rng(0).permutation(3000).astype(np.int32)
    exact = keras_rs.layers.BruteForceRetrieval(vectors, ids, k=5)
    expected_scores, expected = exact(vectors[:40])
    layer = _layer()
    assert isinstance(layer, keras_rs.layers.Retrieval)
    layer.update_candidates(vectors, ids)
    scores, found = layer(vectors[:40])
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)
    assert recall(found.numpy(), expected.numpy()) > 0.995
    assert found.dtype == tf.int32
    of_constructor = _layer(candidate_embeddings=vectors, candidate_ids=ids, return_scores=False)
    assert (of_constructor(vectors[:40]).numpy() == found.numpy()).all()


def test_another_number_of_candidates(vectors: np.ndarray, names: np.ndarray) -> None:
    layer = _layer()
    inputs = keras.Input([24])
    model = keras.Model(inputs, layer(keras.layers.Identity()(inputs)), name="before")
    for count in (3000, 40, 1000):
        layer.update_candidates(keras.ops.convert_to_tensor(vectors[:count]), names[:count])
        expected = names[brute_force(vectors[:9], vectors[:count], 5)[1]].astype("S")
        assert recall(model(vectors[:9])[1].numpy(), expected) > 0.99
        assert recall(model.predict(vectors[:9], verbose=0)[1], expected) > 0.99
    layer.update_candidates(vectors)
    assert layer(vectors[:2])[1].dtype == tf.int32  # row numbers
    assert layer(vectors[0])[1].shape == [5]


def test_config_round_trip() -> None:
    layer = _layer(k=7, return_scores=False, parallelize_batch_searches=False, name="r")
    config = layer.get_config()
    twin = tfscann.layers.ScannRetrieval.from_config(config)
    assert twin.get_config() == config
    assert (twin.k, twin.return_scores, twin.name) == (7, False, "r")
    assert twin.config.num_leaves == 30
    assert twin.config.k == 7
    assert not twin.searcher.parallelize


@pytest.fixture
def model(vectors: np.ndarray, names: np.ndarray) -> Any:
    inputs = keras.Input([6])
    layer = _layer(candidate_embeddings=vectors, candidate_ids=names)
    return keras.Model(inputs, layer(keras.layers.Dense(24)(inputs)))


def test_export(model: Any, tmp_path: pathlib.Path, run_python: Callable[..., str]) -> None:
    queries = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    np.save(tmp_path / "queries.npy", queries)
    expected = model(queries)[1].numpy()
    model.export(os.fspath(tmp_path / "model"), verbose=False)
    found = run_python(
        """
        import sys, numpy as np, tensorflow as tf, tensorflow_scann
        model = tf.saved_model.load(sys.argv[1])
        print(*model.serve(np.load(sys.argv[2]))[1].numpy().astype(str).ravel())
        """,
        tmp_path / "model",
        tmp_path / "queries.npy",
    )
    assert found.split() == expected.astype(str).ravel().tolist()


def test_keras_file_and_checkpoint(model: Any, tmp_path: pathlib.Path) -> None:
    queries = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    expected = model(queries)[1].numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded(queries)[1].numpy() == expected).all()

    path = tf.train.Checkpoint(model=model).save(os.fspath(tmp_path / "checkpoint"))
    inputs = keras.Input([6])
    empty = keras.Model(inputs, _layer()(keras.layers.Dense(24)(inputs)))
    tf.train.Checkpoint(model=empty).restore(path).assert_existing_objects_matched()
    assert (empty(queries)[1].numpy() == expected).all()


def test_queries_stay_float32_under_any_policy(vectors: np.ndarray) -> None:
    layer = _layer(candidate_embeddings=vectors)
    expected = layer(vectors[:4] * 1e5)  # beyond float16
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        mixed = _layer(candidate_embeddings=vectors)
        scores, found = mixed(vectors[:4] * 1e5)
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    np.testing.assert_array_equal(scores, expected[0])
    np.testing.assert_array_equal(found, expected[1])


def test_is_not_compiled_by_xla(vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = keras.Input([24])
    retrieval = keras.Model(inputs, _layer(candidate_embeddings=vectors)(inputs))
    scann = tfscann.layers.factorized_top_k.ScaNN(k=3).index(vectors)
    list_devices = tf.config.list_physical_devices
    monkeypatch.setattr(  # what Keras asks before it chooses XLA
        tf.config,
        "list_physical_devices",
        lambda kind=None: ["GPU:0"] if kind == "GPU" else list_devices(kind),
    )
    for model in (retrieval, scann):
        model.compile()
        assert not model.jit_compile


def test_mistakes(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no index yet"):
        _layer()(vectors[:2])
    with pytest.raises(ValueError, match="candidate_ids must be None"):
        _layer(candidate_ids=np.arange(3))
    with pytest.raises(ValueError, match=r"\(3\) is less than .*k=5"):
        _layer().update_candidates(vectors[:3])
    with pytest.raises(ValueError, match="same number of rows"):
        _layer().update_candidates(vectors, np.arange(7))
    with pytest.raises(ValueError, match="rank 2"):
        _layer().update_candidates(vectors[0])
    with pytest.raises(ValueError, match="row 1 has a NaN"):
        _layer().update_candidates(np.full([9, 2], [[0, 1]] + [[0, np.nan]] * 8, np.float32))
    with pytest.raises(ValueError, match=r"candidate_ids have shape \(\), but must have rank 1"):
        _layer().update_candidates(vectors, np.int32(5))
    with pytest.raises(ValueError, match="but must be an IndexConfig"):
        _layer(config={"num_leaves": 3})
    with pytest.raises(ValueError, match="inputs have 5 dimensions, but candidates 24"):
        _layer(candidate_embeddings=vectors)(keras.Input([5]))
    with pytest.raises(ValueError, match="k is 0"):
        _layer(k=0)


def test_names_what_is_missing(run_python: Callable[..., str]) -> None:
    program = """
        import sys
        if {hide}: sys.modules["keras_rs"] = None
        import tensorflow_scann as tfscann
        assert "ScannRetrieval" in dir(tfscann.layers)
        try:
            tfscann.layers.ScannRetrieval
        except ImportError as error:
            print(error)
        """
    assert "pip install 'tensorflow-scann[keras-rs]'" in run_python(program.format(hide=True))
    legacy = run_python(program.format(hide=False), TF_USE_LEGACY_KERAS="1")
    assert "needs Keras 3" in legacy
