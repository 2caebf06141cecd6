"""Adapter for ScaNN: the packages `scann` and `scann-core` share import name and interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import scann  # type: ignore[import-not-found,import-untyped,unused-ignore]

from benchmarks.peers.adapter import Adapter, Floats, Rows, Settings, leaf_grid

FRACTIONS = [0.002, 0.004, 0.006, 0.008, 0.011, 0.015, 0.02, 0.027, 0.037, 0.05, 0.07, 0.1, 0.15]
FRACTIONS += [0.22, 0.32]
REORDERED = [30, 50, 80, 130, 220]

# On one thread, calls of 1,000 queries were up to 15 % faster than one call of 10,000.
SLICE = 1000


class Scann(Adapter):
    """Tree, 4-bit codes and exact reordering, through the NumPy interface (no TensorFlow)."""

    def versions(self) -> dict[str, str]:
        distribution = metadata.packages_distributions()["scann"][0]
        return {distribution: metadata.version(distribution), "numpy": np.__version__}

    def builds(self, n: int, d: int) -> list[Settings]:
        # The first is the best found on GloVe: `avq`, partitions trained for dot products, gained a
        # third at equal recall; bfloat16 and int8 reordering, and more leaves, gained nothing. The
        # second is the textbook setting.
        leaves = max(1, round(math.sqrt(n)))
        return [
            {"num_leaves": 2 * leaves, "soar_lambda": 1.0, "avq": 3.0},
            {"num_leaves": leaves, "soar_lambda": 1.5, "avq": None},
        ]

    def searches(self, build: Settings, n: int, d: int) -> list[list[Settings]]:
        return [
            [{"leaves_to_search": leaves, "pre_reorder_num_neighbors": m} for m in REORDERED]
            for leaves in leaf_grid(build["num_leaves"], FRACTIONS)
        ]

    def build(self, candidates: Floats, settings: Settings, folder: Path, threads: int) -> None:
        measure = settings.get("distance_measure", "dot_product")
        builder = scann.scann_ops_pybind.builder(candidates, 10, measure)
        builder.set_n_training_threads(threads)
        # SOAR, `avq` and anisotropic codes are for dot products alone.
        for_products = {"soar_lambda": settings["soar_lambda"], "avq": settings["avq"]}
        builder.tree(
            num_leaves=settings["num_leaves"],
            num_leaves_to_search=max(1, settings["num_leaves"] // 20),
            training_sample_size=250_000,
            quantize_centroids=True,
            **(for_products if measure == "dot_product" else {}),
        )
        threshold = 0.2 if measure == "dot_product" else float("nan")
        builder.score_ah(2, anisotropic_quantization_threshold=threshold)
        builder.reorder(100, quantize=settings.get("reordering_dtype") == "int8")
        builder.build().serialize(str(folder))

    def load(self, folder: Path) -> None:
        self._searcher: Any = scann.scann_ops_pybind.load_searcher(str(folder))

    def single(self, settings: Settings, k: int) -> Callable[[Floats], Rows]:
        search = self._searcher.search
        reordered, leaves = settings["pre_reorder_num_neighbors"], settings["leaves_to_search"]

        def one(query: Floats) -> Rows:
            rows: Rows = search(query, k, reordered, leaves)[0]
            return rows

        return one

    def batch(self, settings: Settings, k: int, threads: int) -> Callable[[Floats], Rows]:
        searcher = self._searcher
        searcher.set_num_threads(threads)

        def in_slices(queries: Floats) -> Rows:
            slices = np.split(queries, range(SLICE, len(queries), SLICE))
            found = [
                searcher.search_batched(s, final_num_neighbors=k, **settings)[0] for s in slices
            ]
            return np.concatenate(found)

        def in_parallel(queries: Floats) -> Rows:
            rows: Rows = searcher.search_batched_parallel(
                queries, final_num_neighbors=k, **settings
            )[0]
            return rows

        return in_slices if threads == 1 else in_parallel
