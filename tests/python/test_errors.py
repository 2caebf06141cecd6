"""The error table of the public interface, message text included."""

import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from tensorflow_scann import IndexConfig, Searcher, _ops
from tensorflow_scann._ops import find_library
from tensorflow_scann.layers.factorized_top_k import BruteForce, ScaNN, Streaming

EYE = np.eye(4, dtype=np.float32)


def _with(value: float) -> np.ndarray:
    rows = EYE.copy()
    rows[2, 1] = value
    return rows


BAD_CANDIDATES = [
    (EYE[0], "candidates have shape \\(4,\\), but must have rank 2"),
    (EYE[None], "candidates have shape \\(1, 4, 4\\), but must have rank 2"),
    (EYE.astype(np.int32), "candidates have dtype int32, but must be floats"),
    (np.zeros([0, 4], np.float32), "candidates: there are none"),
    (np.zeros([4, 0], np.float32), "must have 1 dimension or more"),
    ([["a"]], "candidates have dtype <U1, but must be floats"),
    ([[1.0], [1.0, 2.0]], "candidates must be an array of rank 2"),
    (_with(np.nan), "candidates: row 2 has a NaN or infinite value"),
    (_with(np.inf), "candidates: row 2 has a NaN or infinite value"),
    (_with(-np.inf), "candidates: row 2 has a NaN or infinite value"),
]


@pytest.mark.parametrize(("candidates", "message"), BAD_CANDIDATES)
@pytest.mark.parametrize(
    "build", [Searcher.build, lambda c: ScaNN().index(c), lambda c: BruteForce().index(c)]
)
def test_bad_candidates(build: object, candidates: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(candidates)  # type: ignore[operator]


def test_float64_candidates_that_float32_cannot_hold() -> None:
    rows = np.eye(4)
    rows[2, 1] = 1e300
    with pytest.raises(ValueError, match="candidates: row 2 has a NaN or infinite value"):
        Searcher.build(rows)


@pytest.mark.parametrize(
    ("identifiers", "message"),
    [
        ([1, 2, 3], "there are 3 identifiers for 4 candidates"),
        ([[1, 2, 3, 4]], "identifiers have shape \\(1, 4\\), but must have rank 1"),
        (np.zeros(4, bool), "identifiers have dtype bool, but must be int32, int64, string"),
        (np.zeros(4, np.int16), "identifiers have dtype int16, but must be int32, int64, string"),
        ([1.0, 2.0, np.nan, 3.0], "NaN stands for a missing result"),
    ],
)
@pytest.mark.parametrize(
    "build",
    [Searcher.build, lambda c, i: ScaNN().index(c, i), lambda c, i: BruteForce().index(c, i)],
)
def test_bad_identifiers(build: object, identifiers: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(EYE, identifiers)  # type: ignore[operator]


def test_bad_datasets() -> None:
    rows = tf.data.Dataset.from_tensor_slices(EYE)
    with pytest.raises(ValueError, match="identifiers must be None when candidates are a dataset"):
        Searcher.build(rows.batch(2), [1, 2, 3, 4])
    with pytest.raises(ValueError, match="candidates have shape \\(4,\\), but must have rank 2"):
        Searcher.build(rows)
    with pytest.raises(ValueError, match="the dataset has batches of 3 components"):
        Searcher.build(tf.data.Dataset.zip((rows, rows, rows)).batch(2))
    with pytest.raises(ValueError, match="candidates: there are none"):
        Searcher.build(rows.take(0).batch(2))
    with pytest.raises(ValueError, match="float32, but must have floats of rank 2"):
        Streaming().index_from_dataset(rows)
    with pytest.raises(ValueError, match="the dataset has elements .*, but must have batches"):
        Streaming().index_from_dataset(tf.data.Dataset.zip((rows, rows, rows)))


def test_widths_that_differ() -> None:
    ragged = tf.data.Dataset.from_generator(
        lambda: iter([EYE, EYE[:, :3]]), output_signature=tf.TensorSpec([None, None])
    )
    for build in (Searcher.build, ScaNN().index_from_dataset, BruteForce().index_from_dataset):
        with pytest.raises(
            ValueError, match="candidates have 3 dimensions, but those before had 4"
        ):
            build(ragged)


@pytest.mark.parametrize("layer", [ScaNN(), BruteForce(), Streaming()])
def test_searching_before_index(layer: object) -> None:
    with pytest.raises(ValueError, match="there is no index yet"):
        layer(EYE)  # type: ignore[operator]
    with pytest.raises(ValueError, match="there is no index yet"):
        layer.query_with_exclusions(EYE, [[1]] * 4)  # type: ignore[attr-defined]


def test_searcher_without_an_index(tmp_path: pathlib.Path) -> None:
    searcher = Searcher()
    for call in (
        lambda: searcher.search(EYE),
        lambda: searcher.save(tmp_path / "x"),
        searcher.info,
        lambda: searcher.identifier_dtype,
    ):
        with pytest.raises(ValueError, match="there is no index yet: build or load one"):
            call()
    with pytest.raises(tf.errors.FailedPreconditionError, match="the searcher has no index yet"):
        _ops.scann_search(searcher.resource_handle, EYE[0], 1, 0, 0, tf.zeros([0], tf.int32))


@pytest.mark.parametrize("k", [0, -3, 1.5, True, 2**31])
def test_bad_k(k: object) -> None:
    searcher = Searcher.build(EYE)
    with pytest.raises(ValueError, match="k is .*, but must be an integer of at least 1"):
        searcher.search(EYE, k)
    for layer in (ScaNN, BruteForce, Streaming):
        with pytest.raises(ValueError, match="k is .*, but must be an integer of at least 1"):
            layer(k=k)
    with pytest.raises(ValueError, match="k is .*, but must be an integer of at least 1"):
        BruteForce().index(EYE)(EYE, k=k)


def test_bad_tensors_of_k() -> None:
    searcher = Searcher.build(EYE)
    with pytest.raises(tf.errors.InvalidArgumentError, match="k is 0, but must be at least 1"):
        searcher.search(EYE, tf.constant(0))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="must be a scalar"):
        searcher.search(EYE, tf.constant([1, 2]))


@pytest.mark.parametrize("effort", ["num_leaves_to_search", "num_reordering_candidates"])
def test_bad_effort(effort: str) -> None:
    searcher = Searcher.build(EYE, config=IndexConfig(num_leaves=2))
    with pytest.raises(ValueError, match=f"{effort} is 0, but must be an integer of at least 1"):
        searcher.search(EYE, **{effort: 0})
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{effort} is -1, but must be at"):
        searcher.search(EYE, **{effort: tf.constant(-1)})


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (EYE[None], "queries have shape \\(1, 4, 4\\), but must have rank 1 or 2"),
        (EYE.astype(np.int32), "queries have dtype int32, but must be floats"),
        (["a"], "queries have dtype string, but must be floats"),
    ],
)
def test_bad_queries(queries: object, message: str) -> None:
    for search in (Searcher.build(EYE).search, BruteForce().index(EYE).call):
        with pytest.raises(ValueError, match=message):
            search(queries)


def test_queries_of_the_wrong_width() -> None:
    searcher = Searcher.build(EYE)
    message = "queries have 3 dimensions, but the index has 4"
    for queries in (EYE[:, :3], EYE[0, :3]):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            searcher.search(queries)
    graph = tf.function(searcher.search, input_signature=[tf.TensorSpec([None, None])])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        graph(EYE[:, :3])


def test_no_queries() -> None:
    scores, rows = Searcher.build(EYE).search(np.zeros([0, 4], np.float32), 2)
    assert scores.shape == rows.shape == (0, 2)


@pytest.mark.parametrize(
    ("exclusions", "message"),
    [
        ([["a"]] * 4, "exclusions are no tensor of dtype int32, that of the index's identifiers"),
        (np.array([["a"]] * 4), "exclusions have dtype string, but the index has identifiers of "),
        (np.zeros([4, 1], np.int64), "exclusions have dtype int64, but the index has"),
        ([1, 2], "exclusions have shape \\(2,\\), but must have rank 2, as queries"),
        (tf.ragged.constant([[[1]], [[2]]]), "but must have rank 2, as queries"),
    ],
)
def test_bad_exclusions(exclusions: object, message: str) -> None:
    for layer in (ScaNN().index(EYE), BruteForce().index(EYE)):
        with pytest.raises(ValueError, match=message):
            layer.query_with_exclusions(EYE, exclusions)


def test_exclusions_of_another_batch_size() -> None:
    searcher = Searcher.build(EYE)
    message = "exclusions have 3 rows for 4 queries"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        searcher.search(EYE, exclusions=[[1]] * 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        searcher.search(EYE, exclusions=tf.ragged.constant([[1], [], [2]]))


@pytest.mark.parametrize("splits", [[0, 1, 0, 2, 2], [1, 1, 2, 2, 2], [0, 1, 2, 2, 3]])
def test_hostile_row_splits(splits: list[int]) -> None:
    searcher = Searcher.build(EYE)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must ascend from 0 to 2"):
        _ops.scann_search_batched(
            searcher.resource_handle,
            EYE,
            1,
            0,
            0,
            tf.constant([1, 2]),
            tf.constant(splits, tf.int64),
        )


def test_an_op_made_for_other_identifiers() -> None:
    searcher = Searcher.build(EYE)
    message = "the index has identifiers of type int32, but the op was made for string"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        _ops.scann_search(searcher.resource_handle, EYE[0], 1, 0, 0, tf.zeros([0], tf.string))


@pytest.mark.parametrize(
    ("queries", "candidates", "scores"),
    [([2, 3], [4, 2], [2]), ([3], [4, 3], [3]), ([2, 3], [4, 3], [1]), ([2, 3], [4, 3], [2, 1])],
)
def test_counting_wrong_shapes(
    queries: list[int], candidates: list[int], scores: list[int]
) -> None:
    arguments = [tf.zeros(shape) for shape in (queries, candidates, scores)]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have shape"):
        _ops.scann_count_higher(*arguments)
    with pytest.raises(ValueError, match="must be"):
        tf.function(_ops.scann_count_higher)(*arguments)


def test_more_results_than_memory_holds(run_python: Callable[..., str]) -> None:
    """In a process of its own, which may have 4 GiB more than TensorFlow takes to start."""
    program = """
        import resource
        import numpy as np, tensorflow as tf
        import tensorflow_scann as tfscann

        candidates = np.eye(4, dtype=np.float32)
        searcher = tfscann.Searcher.build(candidates)
        found = searcher.search(candidates)[1].numpy()
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = used + 2**32 if hard == resource.RLIM_INFINITY else min(used + 2**32, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        try:
            searcher.search(candidates, 2**31 - 1)
        except tf.errors.ResourceExhaustedError as error:
            print("refused", "OOM" in str(error))
        assert (searcher.search(candidates)[1].numpy() == found).all()
    """
    assert run_python(program).split() == ["refused", "True"]


def test_no_such_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(tf.errors.NotFoundError, match="missing"):
        Searcher.load(tmp_path / "missing")


def test_damaged_file_names_the_section(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "index"
    searcher = Searcher.build(EYE, config=IndexConfig(num_leaves=2))
    searcher.save(path)
    sound = path.read_bytes()
    damaged = bytearray(sound)
    damaged[1024] ^= 1  # the first byte of the first section
    path.write_bytes(damaged)
    with pytest.raises(tf.errors.DataLossError, match="section 'rows': the checksum"):
        Searcher.load(path)
    path.write_bytes(sound[:-1])
    with pytest.raises(tf.errors.DataLossError, match="header: the file should have"):
        Searcher.load(path)
    path.write_bytes(b"")
    with pytest.raises(tf.errors.DataLossError, match="header: not a tensorflow-scann index file"):
        Searcher.load(path)
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(tf.errors.DataLossError, match="header: not a tensorflow-scann index file"):
        Searcher.load(path)


def test_newer_file_names_both_versions(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "index"
    Searcher.build(EYE).save(path)
    newer = bytearray(path.read_bytes())
    newer[8] = 9
    path.write_bytes(newer)
    message = "format version 9, but this library reads versions up to 6"
    with pytest.raises(tf.errors.UnimplementedError, match=message):
        Searcher.load(path)


def test_saving_where_nothing_can_be_written(tmp_path: pathlib.Path) -> None:
    searcher = Searcher.build(EYE)
    with pytest.raises(tf.errors.NotFoundError):
        searcher.save(tmp_path / "no" / "such" / "folder" / "index")
    (tmp_path / "folder").mkdir()
    with pytest.raises(tf.errors.OpError):
        searcher.save(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_library_for_another_tensorflow(tmp_path: pathlib.Path) -> None:
    installed = find_library(tf.__version__)
    shutil.copy(installed, tmp_path / "_ops_tf_2_21.so")
    shutil.copy(installed, tmp_path / "_ops_tf_2_9.so")
    message = "was built for TensorFlow 2.9, 2.21, but TensorFlow 2.19.1 is installed.*pip install"
    with pytest.raises(ImportError, match=message):
        find_library("2.19.1", tmp_path)
    for outside in ("2.17.1", "2.22.0rc0", "3.0.0"):
        message = f"TensorFlow {outside} is installed. Install a TensorFlow that it was built for$"
        with pytest.raises(ImportError, match=message):
            find_library(outside, tmp_path)
    with pytest.raises(ImportError, match="built for TensorFlow no version, but"):
        find_library("2.21.0", tmp_path / "none")


def test_bad_progress() -> None:
    with pytest.raises(ValueError, match="progress is 7, but must be None, a bool or a callable"):
        Searcher.build(EYE, progress=7)  # type: ignore[arg-type]
