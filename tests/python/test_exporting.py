"""SavedModels for model servers: signatures, warm-up requests, core TensorFlow ops."""

import errno
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import tensorflow_scann as tfscann
from tensorflow_scann import IndexConfig, Searcher, exporting
from tensorflow_scann.layers.factorized_top_k import BruteForce, ScaNN

from conftest import brute_force

pytestmark = pytest.mark.keras


def signature(path: pathlib.Path, name: str = "serving_default") -> Callable[..., Any]:
    """A signature of a SavedModel as a function that returns (scores, identifiers)."""
    model = tf.saved_model.load(str(path))

    def call(**inputs: Any) -> tuple[np.ndarray, np.ndarray]:
        outputs = model.signatures[name](**{k: tf.convert_to_tensor(v) for k, v in inputs.items()})
        return outputs["scores"].numpy(), outputs["identifiers"].numpy()

    return call


def op_types(path: pathlib.Path) -> set[str]:
    graph = saved_model(path).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return {node.op for node in nodes}


def saved_model(path: pathlib.Path) -> Any:
    return saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())


@pytest.mark.parametrize("ops", ["scann", "tensorflow"])
def test_signatures(
    ops: str, searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    tfscann.export(searcher, tmp_path, ops=ops)
    signatures = saved_model(tmp_path).meta_graphs[0].signature_def
    shapes = {
        name: {
            key: [dim.size for dim in info.tensor_shape.dim]
            for key, info in [*signatures[name].inputs.items(), *signatures[name].outputs.items()]
        }
        for name in ("serving_default", "query_with_exclusions", "query_with_parameters")
    }
    results = {"scores": [-1, 10], "identifiers": [-1, 10]}
    assert shapes["serving_default"] == {"queries": [-1, 24], **results}
    assert shapes["query_with_exclusions"] == {
        "queries": [-1, 24],
        "exclusions": [-1, -1],
        **results,
    }
    assert shapes["query_with_parameters"] == {
        "queries": [-1, 24],
        "k": [],
        "num_leaves_to_search": [],
        "num_reordering_candidates": [],
        "scores": [-1, -1],
        "identifiers": [-1, -1],
    }
    search = signature(tmp_path, "query_with_parameters")
    scores, identifiers = search(
        queries=vectors[:7], k=23, num_leaves_to_search=50, num_reordering_candidates=3000
    )
    expected_scores, expected_rows = brute_force(vectors[:7], vectors, 23)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)
    assert identifiers.astype(str).tolist() == [[f"item-{i}" for i in r] for r in expected_rows]
    # 0: what the index was built with.
    scores, _ = search(
        queries=vectors[:7], k=10, num_leaves_to_search=0, num_reordering_candidates=0
    )
    default_scores, _ = signature(tmp_path)(queries=vectors[:7])
    np.testing.assert_array_equal(scores, default_scores)


def test_signatures_of_an_exact_layer(vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    tfscann.export(BruteForce(k=3).index(vectors), tmp_path)
    scores, rows = signature(tmp_path, "query_with_parameters")(queries=vectors[:2], k=5)
    expected_scores, expected_rows = brute_force(vectors[:2], vectors, 5)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)
    assert (rows == expected_rows).all()


CONFIGS = {
    "dot_product": {},
    "lengths": {},
    "cosine": {"distance_measure": "cosine"},
    "squared_l2": {"distance_measure": "squared_l2"},
    "no SOAR": {"soar_lambda": 0.0},
    "int8": {"reordering_dtype": "int8"},
    "int8 squared_l2": {"reordering_dtype": "int8", "distance_measure": "squared_l2"},
}


# Those of 300 stand in branches, of which some are looked at.
@pytest.mark.parametrize("num_leaves", [50, 300])
@pytest.mark.parametrize("name", CONFIGS)
def test_core_ops_find_what_our_op_finds_in_the_same_leaves(
    name: str, num_leaves: int, vectors: np.ndarray, names: np.ndarray, tmp_path: pathlib.Path
) -> None:
    config = IndexConfig(
        num_leaves=num_leaves, num_leaves_to_search=num_leaves // 25, **CONFIGS[name]
    )
    shifted = vectors + np.float32(0.5)
    if name == "lengths":
        shifted[::2] *= 2
    searcher = Searcher.build(shifted, names, config=config)
    if name == "lengths" and num_leaves == 300:
        assert "routing_vectors" in searcher.info().section_bytes
    tfscann.export(searcher, tmp_path, ops="tensorflow")
    rng = np.random.default_rng(1)
    queries = (shifted[rng.integers(3000, size=200)] + 0.3 * rng.normal(size=(200, 24))).astype(
        np.float32
    )
    expected_scores, expected = searcher.search(queries, num_reordering_candidates=3000)
    scores, identifiers = signature(tmp_path)(queries=queries)
    # Scores that differ in the last places may change places.
    np.testing.assert_allclose(scores, expected_scores, rtol=2e-5, atol=2e-5)
    assert (identifiers == expected.numpy()).mean() > 0.999
    # One leaf more or less would show.
    fewer, _ = searcher.search(queries, num_leaves_to_search=1, num_reordering_candidates=3000)
    assert not np.allclose(scores, fewer, rtol=2e-5, atol=2e-5)


def test_core_ops_need_no_library_of_ours(
    searcher: Searcher,
    vectors: np.ndarray,
    tmp_path: pathlib.Path,
    run_python: Callable[..., str],
) -> None:
    tfscann.export(searcher, tmp_path / "model", ops="tensorflow")
    assert not any(op.startswith("Scann") for op in op_types(tmp_path / "model"))
    np.save(tmp_path / "queries.npy", vectors[:20])
    printed = run_python(
        """
        import sys, numpy as np, tensorflow as tf
        model = tf.saved_model.load(sys.argv[1])
        queries = tf.constant(np.load(sys.argv[2]))
        found = model.signatures["serving_default"](queries=queries)["identifiers"].numpy()
        assert "tensorflow_scann" not in sys.modules
        for name in found[:, 0]:
            print(name.decode())
        """,
        tmp_path / "model",
        tmp_path / "queries.npy",
    )
    expected = searcher.search(vectors[:20])[1].numpy()[:, 0].astype(str).tolist()
    assert printed.split() == expected


@pytest.mark.parametrize("num_leaves", [None, 50])
def test_core_ops_at_the_edges(
    num_leaves: int | None, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    """Few candidates, exclusions, queries that are no numbers, empty batches."""
    rows = vectors[:300]
    config = IndexConfig(num_leaves=num_leaves, num_leaves_to_search=num_leaves and 1)
    searcher = Searcher.build(rows, np.arange(300) + 1000, config=config)
    tfscann.export(searcher, tmp_path, ops="tensorflow")
    parameters = {"num_leaves_to_search": 0, "num_reordering_candidates": 0}
    search = signature(tmp_path, "query_with_parameters")
    scores, identifiers = search(queries=rows[:2], k=310, **parameters)
    assert (np.sort(identifiers[:, :300]) == np.arange(300) + 1000).all()
    assert (identifiers[:, 300:] == -1).all()
    assert (scores[:, 300:] == -np.inf).all()

    excluding = signature(tmp_path, "query_with_exclusions")
    all_but_three = np.tile(np.arange(3, 300) + 1000, (2, 1))
    scores, identifiers = excluding(queries=rows[:2], exclusions=all_but_three)
    assert set(identifiers[0, :3]) == {1000, 1001, 1002}
    assert (identifiers[:, 3:] == -1).all()

    queries = rows[:3].copy()
    queries[1, 4] = np.nan
    scores, identifiers = signature(tmp_path)(queries=queries)
    assert (identifiers[1] == -1).all()
    assert (identifiers[[0, 2]] > 0).all()
    scores, identifiers = signature(tmp_path)(queries=rows[:0])
    assert scores.shape == (0, 10)
    assert identifiers.shape == (0, 10)


def test_core_ops_of_ties_and_of_products_that_overflow(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(-2, 3, size=(3000, 6)).astype(np.float32)
    rows[7] = [3e38, 3e38, 0, 0, 0, 0]
    queries = rng.integers(-2, 3, size=(40, 6)).astype(np.float32)
    queries[:20, :2] = [2, -2]  # infinity minus infinity, for row 7
    queries[20] = 0
    config = IndexConfig(num_leaves=50, num_leaves_to_search=50)
    searcher = Searcher.build(rows, config=config)
    tfscann.export(searcher, tmp_path, ops="tensorflow")
    scores, identifiers = signature(tmp_path)(queries=queries)
    expected_scores, expected = searcher.search(queries, num_reordering_candidates=3000)
    assert (identifiers == expected.numpy()).all()
    np.testing.assert_array_equal(scores, expected_scores)
    assert identifiers[20].tolist() == list(range(10))


def test_core_ops_of_int8_candidates_far_from_the_origin(
    vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    config = IndexConfig(num_leaves=50, reordering_dtype="int8", distance_measure="squared_l2")
    searcher = Searcher.build(vectors + np.float32(1e4), config=config)
    tfscann.export(searcher, tmp_path, ops="tensorflow")
    queries = vectors[:100] + np.float32(1e4)
    scores, _ = signature(tmp_path)(queries=queries)
    expected, _ = searcher.search(queries, num_reordering_candidates=3000)
    np.testing.assert_allclose(scores, expected, rtol=2e-5, atol=2e-5)


def test_core_ops_refuse_what_our_op_refuses(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    for ops in ("scann", "tensorflow"):
        tfscann.export(searcher, tmp_path / ops, ops=ops)
        search = signature(tmp_path / ops, "query_with_parameters")
        effort = {"num_reordering_candidates": 0, "num_leaves_to_search": -1}
        with pytest.raises(tf.errors.InvalidArgumentError, match="num_leaves_to_search"):
            search(queries=vectors[:2], k=3, **effort)
        effort["num_leaves_to_search"] = 0
        with pytest.raises(tf.errors.InvalidArgumentError, match="k"):
            search(queries=vectors[:2], k=0, **effort)


def test_names_of_a_query_models_inputs(vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    def make(name: str) -> ScaNN:
        layer = ScaNN(lambda features: features[name], k=4, num_leaves=50).index(vectors)
        layer({name: vectors[:2]})
        return layer

    for name in ("exclusions", "k", "num_leaves_to_search"):
        with pytest.raises(ValueError, match=f"takes '{name}', which is the name of another"):
            tfscann.export(make(name), tmp_path / "model")
    # No operation can have this name.
    tfscann.export(make("user id"), tmp_path / "model")
    assert signature(tmp_path / "model")(queries=vectors[:2])[0].shape == (2, 4)
    with pytest.raises(ValueError, match="warmup_queries need a query model"):
        tfscann.export(make("user id"), tmp_path, warmup_queries={"user id": vectors[:2]})


def test_core_ops_with_a_query_model(vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    users = tf.keras.layers.Embedding(100, 24)
    users(tf.constant([0]))
    users.set_weights([vectors[:100]])
    layer = ScaNN(users, k=4, num_leaves=50).index(vectors)
    layer(tf.constant([1, 2]))
    tfscann.export(layer, tmp_path, ops="tensorflow", warmup_queries=np.array([7]))
    expected_scores, expected = layer(tf.constant([5, 6, 7]))
    scores, identifiers = signature(tmp_path)(queries=np.array([5, 6, 7], np.int32))
    assert (scores >= expected_scores.numpy() - 1e-6).all()
    assert (identifiers == expected.numpy()).mean() > 0.8


def test_exclusions_of_strings_in_core_ops(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    tfscann.export(searcher, tmp_path, ops="tensorflow")
    _, best = signature(tmp_path)(queries=vectors[:4])
    _, others = signature(tmp_path, "query_with_exclusions")(
        queries=vectors[:4], exclusions=best[:, :5]
    )
    assert (others[:, :5] == best[:, 5:]).all()


def test_warmup_requests(searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    """Read with the messages of Serving's own package."""
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    tfscann.export(searcher, tmp_path, warmup_queries=vectors[:3])
    file = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(file))
    ]
    requests = [log.predict_log.request for log in logs]
    names = [request.model_spec.signature_name for request in requests]
    assert names == ["serving_default", "query_with_exclusions"] * 3
    for number, request in enumerate(requests):
        row = number // 2
        assert (tf.make_ndarray(request.inputs["queries"]) == vectors[row : row + 1]).all()
    assert tf.make_ndarray(requests[1].inputs["exclusions"]).tolist() == [[b""]]
    for request in requests:
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        scores, _ = signature(tmp_path, request.model_spec.signature_name)(**inputs)
        assert scores.shape == (1, 10)


def test_warmup_requests_of_a_query_model_with_two_inputs(
    vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")

    def query_model(features: dict[str, tf.Tensor]) -> tf.Tensor:
        return features["embedding"] * features["weight"]

    layer = ScaNN(query_model, k=4, num_leaves=50).index(vectors)
    queries = {"embedding": vectors[:2], "weight": np.ones([2, 1], np.float32)}
    layer(queries)
    tfscann.export(layer, tmp_path, warmup_queries=queries)
    file = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(file)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        scores, _ = signature(tmp_path, request.model_spec.signature_name)(**inputs)
        assert scores.shape == (1, 4)


def test_what_an_earlier_export_left_is_gone(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    tfscann.export(searcher, tmp_path, warmup_queries=vectors[:3])
    assert len(list((tmp_path / "assets").iterdir())) == 1
    tfscann.export(searcher, tmp_path, ops="tensorflow")
    assert list((tmp_path / "assets").iterdir()) == []
    assert list((tmp_path / "assets.extra").iterdir()) == []
    assert signature(tmp_path)(queries=vectors[:2])[0].shape == (2, 10)


def test_a_new_folder_appears_when_it_is_complete(
    searcher: Searcher,
    vectors: np.ndarray,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions = tmp_path / "models"
    write = exporting.write_warmup_requests

    def write_and_look(folder: str, requests: Any) -> None:
        write(folder, requests)
        assert (pathlib.Path(folder) / "saved_model.pb").exists()
        assert not (versions / "1").exists()
        if not requests:
            raise OSError("disk full")

    monkeypatch.setattr(exporting, "write_warmup_requests", write_and_look)
    with pytest.raises(OSError, match="disk full"):
        tfscann.export(searcher, versions / "1")
    assert list(versions.iterdir()) == []
    tfscann.export(searcher, f"{versions}/1/", warmup_queries=vectors[:3])
    assert [path.name for path in versions.iterdir()] == ["1"]
    assert (versions / "1" / "assets.extra" / "tf_serving_warmup_requests").exists()
    # For whoever may read what else TensorFlow writes: a server runs as another user.
    tf.io.gfile.mkdir(str(tmp_path / "folder"))
    assert (versions / "1").stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert signature(versions / "1")(queries=vectors[:2])[0].shape == (2, 10)


def test_new_folders_by_any_path(
    searcher: Searcher, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, expected in (
        ("relative", tmp_path / "relative"),
        ("link/../model", tmp_path / "far" / "model"),
        ("missing/../model", tmp_path / "model"),
        (f"file://{tmp_path}/uri", tmp_path / "uri"),
        (empty, empty),
    ):
        tfscann.export(searcher, path)
        assert saved_model(expected).meta_graphs
    assert list(tmp_path.glob(".*")) == []
    with pytest.raises(ValueError, match="there is no index"):
        tfscann.export(Searcher(), tmp_path / "new" / "1")
    assert not (tmp_path / "new").exists()


def test_folders_that_cannot_be_renamed_are_copied(
    searcher: Searcher,
    vectors: np.ndarray,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(exporting.os, "rename", refuse)
    tfscann.export(searcher, tmp_path / "1", warmup_queries=vectors[:3])
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert (tmp_path / "1" / "assets.extra" / "tf_serving_warmup_requests").exists()
    assert signature(tmp_path / "1")(queries=vectors[:2])[0].shape == (2, 10)


def test_two_exports_to_one_new_folder(
    searcher: Searcher, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = exporting.write_warmup_requests

    def write_and_be_overtaken(folder: str, requests: Any) -> None:
        write(folder, requests)
        (tmp_path / "1").mkdir(exist_ok=True)
        (tmp_path / "1" / "saved_model.pb").write_text("another's")

    monkeypatch.setattr(exporting, "write_warmup_requests", write_and_be_overtaken)
    with pytest.raises(FileExistsError, match="/1 was written by another export"):
        tfscann.export(searcher, tmp_path / "1")
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "another's"


def test_to_a_file_system_of_tensorflows(searcher: Searcher, vectors: np.ndarray) -> None:
    tfscann.export(searcher, "ram://exported", warmup_queries=vectors[:3])
    assert tf.io.gfile.exists("ram://exported/assets.extra/tf_serving_warmup_requests")
    model = tf.saved_model.load("ram://exported")
    assert (model(vectors[:9])[1].numpy() == searcher.search(vectors[:9])[1].numpy()).all()


def test_bad_arguments(searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="ops is 'core', but must be one of 'scann', 'tensorflow'"):
        tfscann.export(searcher, tmp_path / "model", ops="core")
    for queries in (vectors[0], vectors[:3, :20], "words", 3.0):
        with pytest.raises(ValueError, match="warmup_queries must be a batch of"):
            tfscann.export(searcher, tmp_path / "model", warmup_queries=queries)
    for count in (0, 501):
        with pytest.raises(ValueError, match=f"warmup_queries are {count}, but must be 1 to 500"):
            tfscann.export(searcher, tmp_path / "model", warmup_queries=vectors[:count])
    assert not (tmp_path / "model").exists()
