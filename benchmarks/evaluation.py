"""FactorizedTopK against that of TFRS: `TF_USE_LEGACY_KERAS=1 python -m benchmarks.evaluation`.

Both evaluate the same queries by scores against the same dataset of candidates, the GloVe data, in
turns; each time is the least of three. Needs tf-keras and tensorflow-recommenders.
"""

from __future__ import annotations

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # before TensorFlow is imported

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks import datasets, downloads, machine
from tensorflow_scann.metrics import FactorizedTopK

ROUNDS = 3
# TFRS's tutorials have batches of 128 candidates; large ones suit it better.
BATCHES_OF_CANDIDATES = (128, 4096)
BATCHES_OF_QUERIES = (256, 4096)


def main() -> None:
    dataset = datasets.glove(downloads.cache_folder())
    candidates = np.load(dataset.candidates_path)
    queries = np.load(dataset.queries_path)
    # A query is a candidate's neighbour, so that the chosen one is among the best at times.
    chosen = candidates[np.load(dataset.ground_truth_path)[np.arange(len(queries)), 20]]
    print(machine.describe()["cpu"], f"{len(candidates)} x {candidates.shape[1]}", sep=", ")
    for of_candidates in BATCHES_OF_CANDIDATES:
        rows = tf.data.Dataset.from_tensor_slices(candidates).batch(of_candidates).cache()
        metrics = {"ours": FactorizedTopK(rows), "TFRS": tfrs.metrics.FactorizedTopK(rows)}
        updates = {name: _update(metric) for name, metric in metrics.items()}
        for count in BATCHES_OF_QUERIES:
            batch = tf.constant(queries[:count]), tf.constant(chosen[:count])
            seconds: dict[str, list[float]] = {name: [] for name in metrics}
            for warm in range(ROUNDS + 1):
                for name, update in updates.items():
                    metrics[name].reset_states()
                    start = time.perf_counter()
                    update(*batch).numpy()
                    if warm:
                        seconds[name].append(time.perf_counter() - start)
            values = [[float(v) for v in metric.result()] for metric in metrics.values()]
            np.testing.assert_allclose(values[0], values[1], atol=1e-3)
            ours, theirs = min(seconds["ours"]), min(seconds["TFRS"])
            print(
                f"candidates in batches of {of_candidates}, {count} queries: "
                f"{ours:.2f} s, TFRS {theirs:.2f} s, {theirs / ours:.1f} times as fast"
            )


def _update(metric: Any) -> Callable[..., Any]:
    @tf.function  # type: ignore[untyped-decorator]
    def update(queries: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        metric.update_state(queries, chosen)
        return tf.constant(0)

    run: Callable[..., Any] = update
    return run


if __name__ == "__main__":
    main()
