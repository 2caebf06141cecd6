"""Makes the SavedModels that the tests of serving and the examples use, with the code at hand.

usage: make_models.py OUTPUT.tar ENGINE_MODULE OP_LIBRARY PACKAGE_FILE...

The archive has
  glove/           the demo's index: 20,000 words, with warm-up requests
  queries.f32      the vectors of a few words, float32, one after the other
  glove_{int32,int64,float32,float64}/
                   2,000 of the words, with identifiers of that type
  {glove,...}.txt  what Python finds for the queries, a line each: "word score, word score, ..."
  versions/{1,2}   two versions of a model with different candidates, with warm-up requests
  core_ops/1       the first of them without the ops of this package
"""

import importlib
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile
from typing import Any

import numpy as np

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

_WORDS = ("paris", "guitar", "monday", "physics")


def lay_out_package(folder: pathlib.Path, engine: str, op_library: str, files: list[str]) -> None:
    """Copies the files of tensorflow_scann to where Python finds them."""
    import tensorflow as tf

    for file in files:
        target = folder / file[file.index("tensorflow_scann/") :]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    minor = "_".join(tf.__version__.split(".")[:2])
    shutil.copyfile(engine, folder / "tensorflow_scann" / "_engine.so")
    shutil.copyfile(op_library, folder / "tensorflow_scann" / f"_ops_tf_{minor}.so")
    sys.path.insert(0, str(folder))


def make_glove(tfscann: Any, folder: pathlib.Path) -> None:
    """The demo's model, smaller ones with other identifiers, queries, and what they find."""
    words, vectors = importlib.import_module("tensorflow_scann.demo").load_word_vectors()
    queries = np.stack([vectors[np.flatnonzero(words == word)[0]] for word in _WORDS])
    queries.astype("<f4").tofile(folder / "queries.f32")
    models = {
        "glove": words,
        "glove_int32": np.arange(2000, dtype=np.int32)[::-1],
        "glove_int64": np.arange(2000) + 2**40,
        "glove_float32": np.arange(2000, dtype=np.float32) / 3,
        "glove_float64": np.arange(2000) / 7,
    }
    for name, identifiers in models.items():
        candidates = vectors[: len(identifiers)]
        layer = tfscann.layers.factorized_top_k.ScaNN(k=10).index(candidates, identifiers)
        tfscann.export(layer, folder / name, warmup_queries=vectors[:4])
        (folder / f"{name}.txt").write_text(neighbours(folder / name, queries))


def neighbours(model: pathlib.Path, queries: np.ndarray) -> str:
    """What a SavedModel finds, in the format of the examples."""
    import tensorflow as tf

    scores, found = (tensor.numpy() for tensor in tf.saved_model.load(str(model))(queries))
    if found.dtype == object:
        names = [name.decode() for name in found.flat]
    else:
        form = {"f4": ".9g", "f8": ".17g"}.get(found.dtype.str[1:], "d")
        names = [format(name, form) for name in found.flat]
    pairs = [f"{name} {score:.5f}" for name, score in zip(names, scores.flat, strict=True)]
    k = found.shape[1]
    return "".join(", ".join(pairs[i : i + k]) + "\n" for i in range(0, len(pairs), k))


def make_versions(tfscann: Any, folder: pathlib.Path) -> None:
    """Two versions of a model of 30,000 x 64 candidates, and one of them in core ops."""
    config = tfscann.IndexConfig(num_leaves=300, num_leaves_to_search=12, training_iterations=4)
    for version in (1, 2):
        rng = np.random.default_rng(version)
        centres = rng.normal(size=(300, 64))
        rows = centres[rng.integers(300, size=30000)] + 0.5 * rng.normal(size=(30000, 64))
        rows = rows.astype(np.float32)
        names = np.array([f"version {version}, item {row}" for row in range(len(rows))])
        searcher = tfscann.Searcher.build(rows, names, config=config, progress=False)
        tfscann.export(searcher, folder / "versions" / str(version), warmup_queries=rows[:2])
        if version == 1:
            core_ops = folder / "core_ops" / "1"
            tfscann.export(searcher, core_ops, ops="tensorflow", warmup_queries=rows[:2])


def main() -> None:
    """Makes the archive."""
    output, engine, op_library, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        lay_out_package(folder / "packages", engine, op_library, files)
        tfscann = importlib.import_module("tensorflow_scann")
        models = folder / "models"
        models.mkdir()
        make_glove(tfscann, models)
        make_versions(tfscann, models)
        with tarfile.open(output, "w") as archive:
            archive.add(models, arcname=".")


if __name__ == "__main__":
    main()
