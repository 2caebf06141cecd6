"""SavedModels of tensorflow-scann and of TFRS with scann, of equal recall; eager calls timed.

Runs in the environment of serving.py, with both installed. Prints JSON.

usage: serving_models.py CANDIDATES.npy QUERIES.npy NEIGHBOURS.npy RECALL OUTPUT
"""

from __future__ import annotations

import glob
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS knows no other

import numpy as np
import tensorflow as tf

K = 10
TUNING_QUERIES = 2000
WARMUP_QUERIES = 32
# What a SavedModel has besides, or instead.
WARMED_UP, CORE_OPS = "warmed-up", "core-ops"


def variant(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}-{name}")


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    hits = (found[:, :, None] == truth[:, None, :K]).any(axis=2)
    return float(hits.mean())


def median_us(call: Callable[[Any], Any], queries: Iterable[Any]) -> float:
    seconds = []
    for query in queries:
        start = time.perf_counter()
        call(query)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) * 1e6


def make_ours(candidates: Any, queries: Any, truth: Any, target: float, path: Path) -> Any:
    """The layer, its settings and op library; exported, too, and its variants."""
    import tensorflow_scann as tfscann

    layer = tfscann.layers.factorized_top_k.ScaNN(k=K).index(candidates)
    info = layer.searcher.info()
    # As for the other: the fewest leaves of a grid that reach the recall.
    for leaves in range(10, info.num_leaves or 11, 2):
        _, found = layer.searcher.search(queries, num_leaves_to_search=leaves)
        if recall(found.numpy(), truth) >= target:
            break
    config: dict[str, Any] = {"num_leaves_to_search": leaves}
    config["num_reordering_candidates"] = info.num_reordering_candidates
    layer = tfscann.layers.factorized_top_k.ScaNN(k=K, **config).index(candidates)
    tfscann.export(layer, path)
    tfscann.export(layer, variant(path, WARMED_UP), warmup_queries=queries[-WARMUP_QUERIES:])
    tfscann.export(layer, variant(path, CORE_OPS), ops="tensorflow")
    return layer, {"num_leaves": info.num_leaves, **config}, tfscann.op_library()


def make_tfrs(candidates: Any, queries: Any, truth: Any, target: float, path: Path) -> Any:
    import scann
    import tensorflow_recommenders as tfrs

    config = {"num_leaves": 1152, "num_reordering_candidates": 200}
    for leaves in range(80, 240, 8):
        config["num_leaves_to_search"] = leaves
        layer = tfrs.layers.factorized_top_k.ScaNN(k=K, **config).index(candidates)
        _, found = layer(queries)
        reached = recall(found.numpy(), truth)
        print(f"TFRS, {leaves} leaves: {reached:.4f}", file=sys.stderr)
        if reached >= target:
            break
    else:
        sys.exit(f"TFRS reaches a recall of {reached:.4f} only")

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([None, candidates.shape[1]], name="queries")]
    )
    def serving_default(queries: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, identifiers = layer(queries)
        return {"scores": scores, "identifiers": identifiers}

    options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
    signatures = {"serving_default": serving_default}
    tf.saved_model.save(layer, str(path), signatures=signatures, options=options)
    (library,) = glob.glob(f"{Path(scann.__file__).parent}/scann_ops/cc/_scann_ops.so")
    return layer, config, library


def main() -> None:
    candidates, queries, neighbours = map(np.load, sys.argv[1:4])
    target, output = float(sys.argv[4]), Path(sys.argv[5])
    tuning, truth = tf.constant(queries[:TUNING_QUERIES]), neighbours[:TUNING_QUERIES]
    systems = {}
    for name, make in (("tensorflow-scann", make_ours), ("TFRS, scann", make_tfrs)):
        path = output / name.partition(",")[0]
        start = time.perf_counter()
        layer, config, library = make(tf.constant(candidates), tuning, truth, target, path)
        systems[name] = {"config": config, "op_library": library, "saved_model": str(path)}
        variants = {kind: variant(path, kind) for kind in (WARMED_UP, CORE_OPS)}
        systems[name]["variants"] = {
            kind: str(folder) for kind, folder in variants.items() if folder.exists()
        }
        systems[name]["seconds"] = time.perf_counter() - start
        systems[name]["layer"] = layer
    singles = queries[:1000, None]
    for _ in range(2):  # the first round warms up
        for system in systems.values():
            layer = system["layer"]
            system["eager_us"] = median_us(layer, singles)
            if hasattr(layer, "searcher"):
                system["searcher_us"] = median_us(layer.searcher.search, singles)
            system["function_us"] = median_us(tf.function(layer), map(tf.constant, singles))
    for system in systems.values():
        del system["layer"]
    print(json.dumps({"tensorflow": tf.__version__, "systems": systems}))


if __name__ == "__main__":
    main()
