"""The demo: real word vectors, an index, a SavedModel, and a new process that answers from it."""

import importlib.resources
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

_DATA = "glove_20k.npz"
_WORDS = ("paris", "guitar", "monday", "physics")
_RECALL_QUERIES = 1000
_TIMED_QUERIES = 1000


def load_word_vectors() -> tuple[np.ndarray, np.ndarray]:
    """The 20,000 words that come with the package: words [n], unit vectors float32 [n, 100]."""
    resource = importlib.resources.files("tensorflow_scann") / "data" / _DATA
    with importlib.resources.as_file(resource) as path, np.load(path) as data:
        words = np.array(data["words"].tobytes().decode("utf-8").split("\n"))
        vectors = data["codes"].astype(np.float32) * data["scales"][:, None]
    return words, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def run(directory: pathlib.Path) -> None:
    """Builds and saves the models, then starts a process that loads and queries them."""
    from .exporting import export
    from .layers.factorized_top_k import BruteForce, ScaNN

    words, vectors = load_word_vectors()
    print(f"{len(words)} words of the GloVe vectors, {vectors.shape[1]} dimensions")
    start = time.perf_counter()
    layer = ScaNN(k=10).index(vectors, words)
    info = layer.searcher.info()
    print(
        f"Built an index in {time.perf_counter() - start:.1f} s: {info.num_leaves} leaves, "
        f"{info.num_leaves_to_search} searched on average, {info.num_reordering_candidates} "
        f"candidates reordered, {info.file_bytes / 1e6:.1f} MB"
    )
    models = {"scann": layer, "exact": BruteForce(k=10).index(vectors, words)}
    for name, model in models.items():
        export(model, str(directory / name))
    print(f"Wrote the SavedModels {directory}/scann and {directory}/exact")
    print("Starting a new process that loads them", flush=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, "-m", "tensorflow_scann.demo", str(directory)], env=environment, check=True
    )


def _median_microseconds(model: object, queries: object) -> float:
    """Of calls with one query."""
    seconds = []
    for query in queries:  # type: ignore[attr-defined]
        start = time.perf_counter()
        model(query)  # type: ignore[operator]
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) * 1e6


def answer(directory: pathlib.Path) -> None:
    """What the new process does."""
    import tensorflow as tf

    words, vectors = load_word_vectors()
    start = time.perf_counter()
    scann = tf.saved_model.load(str(directory / "scann"))
    loaded = time.perf_counter()
    scann(vectors[:1])
    first = time.perf_counter()
    exact = tf.saved_model.load(str(directory / "exact"))
    print(
        f"Loaded the index in {(loaded - start) * 1e3:.0f} ms; "
        f"the first query took {(first - loaded) * 1e3:.1f} ms\n"
    )

    for word in _WORDS:
        _, found = scann(vectors[np.flatnonzero(words == word)[0]][None])
        neighbours = ", ".join(name.decode() for name in found.numpy()[0][1:])
        print(f"{word:>8}: {neighbours}")

    rows = np.random.default_rng(0).choice(len(words), _RECALL_QUERIES, replace=False)
    approximate = scann(vectors[rows])[1].numpy()
    truth = exact(vectors[rows])[1].numpy()
    hits = [len(set(a) & set(t)) for a, t in zip(approximate, truth, strict=True)]
    queries = [tf.constant(vectors[row][None]) for row in rows[:_TIMED_QUERIES]]
    for model in (scann, exact):
        _median_microseconds(model, queries[:50])
    print(f"\nrecall@10 against exact search: {np.mean(hits) / 10:.3f}")
    print(
        f"median latency of a query: {_median_microseconds(scann, queries):.0f} us, exact search "
        f"{_median_microseconds(exact, queries):.0f} us (calls of the SavedModels from Python)"
    )


if __name__ == "__main__":
    # The package's import has registered the ops.
    answer(pathlib.Path(sys.argv[1]))
