"""SavedModels, checkpoints, sessions: the index travels with the model."""

import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann
from tensorflow_scann import Searcher


class Model(tf.Module):
    """A graph-mode model that holds a searcher."""

    def __init__(self, searcher: Searcher) -> None:
        super().__init__()
        self.searcher = searcher

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def serve(self, queries: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, identifiers = self.searcher.search(queries, 5)
        return {"scores": scores, "identifiers": identifiers}


# Prints what a saved Model finds; its arguments are the SavedModel and a file of queries.
SERVE = """
import sys, numpy as np, tensorflow as tf
import tensorflow_scann
model = tf.saved_model.load(sys.argv[1])
for name in model.serve(np.load(sys.argv[2]))["identifiers"].numpy().ravel():
    print(name.decode())
"""


@pytest.fixture
def saved(searcher: Searcher, tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "model"
    model = Model(searcher)
    tf.saved_model.save(model, str(path), signatures=model.serve)
    return path


def test_moved_and_loaded_in_a_process_that_never_saw_the_data(
    saved: pathlib.Path,
    searcher: Searcher,
    vectors: np.ndarray,
    tmp_path: pathlib.Path,
    run_python: Callable[..., str],
) -> None:
    moved = tmp_path / "elsewhere" / "a folder, schön"
    moved.parent.mkdir()
    shutil.move(saved, moved)
    np.save(tmp_path / "queries.npy", vectors[:20])
    printed = run_python(SERVE, moved, tmp_path / "queries.npy")
    expected = searcher.search(vectors[:20], 5)[1].numpy().astype(str).ravel().tolist()
    assert printed.split() == expected


def test_loaded_from_a_read_only_file_system(
    saved: pathlib.Path,
    searcher: Searcher,
    vectors: np.ndarray,
    tmp_path: pathlib.Path,
    run_python: Callable[..., str],
) -> None:
    # A mount that this command and its children alone see.
    read_only = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    read_only += ['mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"', str(saved)]
    if subprocess.run([*read_only, "true"], capture_output=True, check=False).returncode != 0:
        # Where that is refused: files that their owner may not write, and no right to do it anyway.
        read_only = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
        for path in (saved, *saved.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if subprocess.run([*read_only, "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("this process can neither mount a folder nor give up a right")
    touch = [*read_only, "touch", str(saved / "new")]
    refused = subprocess.run(touch, capture_output=True, text=True, check=False)
    assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr
    np.save(tmp_path / "queries.npy", vectors[:20])
    printed = run_python(SERVE, saved, tmp_path / "queries.npy", within=read_only)
    expected = searcher.search(vectors[:20], 5)[1].numpy().astype(str).ravel().tolist()
    assert printed.split() == expected


def test_loaded_twice_without_sharing(
    saved: pathlib.Path, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    first = tf.saved_model.load(str(saved))
    second = tf.saved_model.load(str(saved))
    # Another index in the first one leaves the second as it was.
    other = tmp_path / "other"
    Searcher.build(vectors[::-1][:100], np.array([f"other-{i}" for i in range(100)])).save(other)
    tfscann._ops.scann_load(first.searcher.resource_handle, str(other))
    (found,) = first.serve(vectors[:1])["identifiers"].numpy()
    assert all(name.startswith(b"other-") for name in found)
    (found,) = second.serve(vectors[:1])["identifiers"].numpy()
    assert all(name.startswith(b"item-") for name in found)


def test_saved_again_after_loading(
    saved: pathlib.Path, searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    loaded = tf.saved_model.load(str(saved))
    again = tmp_path / "again"
    tf.saved_model.save(loaded, str(again))
    expected = searcher.search(vectors[:9], 5)[1].numpy()
    # The live model survived, and the copy is whole.
    assert (loaded.serve(vectors[:9])["identifiers"].numpy() == expected).all()
    shutil.rmtree(saved)
    copy = tf.saved_model.load(str(again))
    assert (copy.serve(vectors[:9])["identifiers"].numpy() == expected).all()


def test_the_index_is_stored_once(saved: pathlib.Path, searcher: Searcher) -> None:
    size = sum(path.stat().st_size for path in saved.rglob("*") if path.is_file())
    assert size < searcher.info().file_bytes + 100_000


def test_in_a_session(saved: pathlib.Path, searcher: Searcher, vectors: np.ndarray) -> None:
    expected = searcher.search(vectors[:3], 5)[1].numpy()
    for _ in range(2):
        graph = tf.Graph()
        with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
            meta = tf.compat.v1.saved_model.load(session, ["serve"], str(saved))
            signature = meta.signature_def["serving_default"]
            found = session.run(
                signature.outputs["identifiers"].name,
                {signature.inputs["queries"].name: vectors[:3]},
            )
        assert (found == expected).all()


def test_a_damaged_asset_fails_the_load_and_names_the_section(
    saved: pathlib.Path, vectors: np.ndarray
) -> None:
    sound = tf.saved_model.load(str(saved))
    (asset,) = (saved / "assets").iterdir()
    damaged = bytearray(asset.read_bytes())
    damaged[1024] ^= 1  # the first byte of the first section
    replacement = asset.with_suffix(".new")
    replacement.write_bytes(damaged)
    replacement.rename(asset)
    with pytest.raises(tf.errors.DataLossError, match="section 'rows': the checksum"):
        tf.saved_model.load(str(saved))
    # What was loaded before serves on.
    assert sound.serve(vectors[:1])["identifiers"].shape == (1, 5)


@pytest.fixture(scope="module")
def large_searcher() -> Searcher:
    """An index that has more than some pages of 2 MB beside its float32 rows."""
    candidates = np.random.default_rng(0).normal(size=(60000, 128)).astype(np.float32)
    config = tfscann.IndexConfig(num_leaves=200, training_iterations=3, soar_lambda=0.0)
    return Searcher.build(candidates, config=config)


def mapped_bytes(path: pathlib.Path) -> int:
    """What this process has mapped of a file."""
    total = 0
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(str(path)):
            begin, end = line.split()[0].split("-")
            total += int(end, 16) - int(begin, 16)
    return total


def test_huge_pages_hold_the_same_index(
    large_searcher: Searcher, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index"
    large_searcher.save(path)
    info = large_searcher.info()
    queries = np.random.default_rng(1).normal(size=(200, 128)).astype(np.float32)
    monkeypatch.setenv("TFSCANN_HUGE_PAGES", "0")
    mapped = Searcher.load(path)
    assert mapped_bytes(path) >= info.file_bytes
    monkeypatch.delenv("TFSCANN_HUGE_PAGES")
    before = mapped_bytes(path)
    moved = Searcher.load(path)
    modes = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if modes.exists() and "[never]" not in modes.read_text():
        # The float32 rows, and less than 2 MB at either end of the rest.
        assert mapped_bytes(path) - before < info.section_bytes["rows"] + (5 << 20)
    path.unlink()
    expected = mapped.search(queries)
    found = moved.search(queries)
    assert (found[0].numpy() == expected[0].numpy()).all()
    assert (found[1].numpy() == expected[1].numpy()).all()


def test_loading_does_the_work_and_memory_stays_near_the_file(
    large_searcher: Searcher, tmp_path: pathlib.Path, run_python: Callable[..., str]
) -> None:
    searcher = large_searcher
    model = Model(searcher)
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=model.serve)
    printed = run_python(
        """
        import sys, time, numpy as np, tensorflow as tf
        import tensorflow_scann as tfscann
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096
        queries = np.ones([1, 128], np.float32)
        tiny = tfscann.Searcher.build(queries)  # whatever TensorFlow sets up once
        tf.function(tiny.search)(queries)
        before = resident()
        searcher_model = tf.saved_model.load(sys.argv[1])
        after = resident()
        start = time.perf_counter(); searcher_model.serve(queries)
        first = time.perf_counter() - start
        rest = []
        for _ in range(200):
            start = time.perf_counter(); searcher_model.serve(queries)
            rest.append(time.perf_counter() - start)
        print(after - before, resident() - after, first, np.median(rest))
        """,
        tmp_path / "model",
    )
    loaded, searched, first, median = map(float, printed.split())
    info = searcher.info()
    # Of the mapped file what every search needs is resident after the checks of the load, and of
    # the float32 candidates only those that were looked at.
    needed = info.file_bytes - info.section_bytes["rows"]
    assert loaded >= 0.9 * needed, "the load did not read the file"
    assert loaded <= 1.2 * needed + 10e6, (loaded, needed)
    assert loaded + searched <= 1.2 * info.file_bytes + 20e6, (loaded, searched, info.file_bytes)
    # The first call of a tf.function costs TensorFlow some milliseconds of its own.
    assert first - median < 0.1


def test_checkpoint_round_trip(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    path = tf.train.Checkpoint(model=Model(searcher)).save(str(tmp_path / "checkpoint"))
    restored = Searcher()
    tf.train.Checkpoint(model=Model(restored)).restore(path).assert_consumed()
    assert restored.info() == searcher.info()
    expected = searcher.search(vectors[:9])[1].numpy()
    assert (restored.search(vectors[:9])[1].numpy() == expected).all()
    # What was restored can be saved in turn.
    model = Model(restored)
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=model.serve)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert (loaded.serve(vectors[:9])["identifiers"].numpy() == expected[:, :5]).all()


def test_checkpoint_of_a_searcher_without_an_index(tmp_path: pathlib.Path) -> None:
    path = tf.train.Checkpoint(model=Searcher()).save(str(tmp_path / "checkpoint"))
    restored = Searcher()
    tf.train.Checkpoint(model=restored).restore(path).assert_consumed()
    assert not restored.has_index


def test_index_files_round_trip(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    expected = searcher.search(vectors[:9])[1].numpy()
    # ram:// is a file system without mmap, as remote ones are.
    for path in (tmp_path / "a file, schön.idx", "ram://index"):
        searcher.save(path)
        loaded = Searcher.load(path)
        assert loaded.info() == searcher.info()
        assert (loaded.search(vectors[:9])[1].numpy() == expected).all()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a file, schön.idx"]


def test_a_file_that_is_replaced_or_removed_while_loaded(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "index"
    searcher.save(path)
    loaded = Searcher.load(path)
    expected = loaded.search(vectors[:9])[1].numpy()
    Searcher.build(np.eye(3, dtype=np.float32)).save(path)  # writes a new file and renames it
    assert (loaded.search(vectors[:9])[1].numpy() == expected).all()
    path.unlink()
    assert (loaded.search(vectors[:9])[1].numpy() == expected).all()


def test_save_and_serialize_are_the_same_bytes(searcher: Searcher, tmp_path: pathlib.Path) -> None:
    searcher.save(tmp_path / "index")
    serialized = tfscann._ops.scann_serialize(searcher.resource_handle).numpy().tobytes()
    assert (tmp_path / "index").read_bytes() == serialized


def test_restoring_damaged_bytes() -> None:
    searcher = Searcher.build(np.eye(3, dtype=np.float32))
    serialized = tfscann._ops.scann_serialize(searcher.resource_handle).numpy()
    serialized[1100] ^= 1
    empty = Searcher()
    with pytest.raises(tf.errors.DataLossError, match="section '"):
        tfscann._ops.scann_restore(empty.resource_handle, serialized)
    assert tfscann._ops.scann_info(empty.resource_handle).numpy() == b""


def test_exporting_over_a_model_that_is_loaded(
    searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "model"
    tfscann.export(searcher, path)
    loaded = tf.saved_model.load(str(path))
    expected = searcher.search(vectors[:9])[1].numpy()
    for size in (100, 3000):
        tfscann.export(Searcher.build(vectors[:size]), path)
        # The mapped index is none of the new one's business.
        assert (loaded(vectors[:9])[1].numpy() == expected).all()
    assert len(list((path / "assets").iterdir())) == 1
    assert tf.saved_model.load(str(path))(vectors[:9])[1].dtype == tf.int32


@pytest.mark.parametrize("removed", [True, False])
def test_what_was_loaded_is_what_is_saved(
    removed: bool, searcher: Searcher, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "index"
    searcher.save(path)
    loaded = Searcher.load(path)
    if removed:
        path.unlink()
    else:
        Searcher.build(vectors[:10]).save(path)
    tfscann.export(loaded, tmp_path / "model")
    model = tf.saved_model.load(str(tmp_path / "model"))
    expected = searcher.search(vectors[:9])[1].numpy()
    assert (model(vectors[:9])[1].numpy() == expected).all()


def test_restored_bytes_are_a_copy(vectors: np.ndarray) -> None:
    searcher = Searcher.build(vectors[:500])
    serialized = np.array(tfscann._ops.scann_serialize(searcher.resource_handle))
    restored = Searcher()
    tfscann._ops.scann_restore(restored.resource_handle, serialized)
    serialized[:] = 255
    arguments = (vectors[0], 5, 0, 0, tf.zeros([0], tf.int32))
    expected = tfscann._ops.scann_search(searcher.resource_handle, *arguments)
    found = tfscann._ops.scann_search(restored.resource_handle, *arguments)
    assert (found.identifiers.numpy() == expected.identifiers.numpy()).all()
