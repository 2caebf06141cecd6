"""Adapter for scalable-vs (SVS): a Vamana graph over float32 rows.

Its compressed rows (LVQ, LeanVec) run on Intel's processors only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import svs  # type: ignore[import-not-found,import-untyped,unused-ignore]

from benchmarks.peers.adapter import Adapter, Floats, Rows, Settings

PARTS = ("config", "graph", "data")


class Vamana(Adapter):
    """A graph of one level, searched greedily with a window."""

    def versions(self) -> dict[str, str]:
        return {"scalable-vs": metadata.version("scalable-vs"), "numpy": np.__version__}

    def builds(self, n: int, d: int) -> list[Settings]:
        return [{"graph_max_degree": 64, "window_size": 128, "alpha": 0.95}]

    def searches(self, build: Settings, n: int, d: int) -> list[list[Settings]]:
        return [[{"search_window_size": size}] for size in (12, 20, 30, 45, 70, 110, 180, 300, 480)]

    def build(self, candidates: Floats, settings: Settings, folder: Path, threads: int) -> None:
        parameters = svs.VamanaBuildParameters(**settings)
        index = svs.Vamana.build(parameters, candidates, svs.DistanceType.MIP, num_threads=threads)
        index.save(*(str(folder / part) for part in PARTS))

    def load(self, folder: Path) -> None:
        config, graph, data = (str(folder / part) for part in PARTS)
        self._index: Any = svs.Vamana(
            config,
            svs.GraphLoader(graph),
            svs.VectorDataLoader(data, svs.DataType.float32),
            svs.DistanceType.MIP,
        )

    def single(self, settings: Settings, k: int) -> Callable[[Floats], Rows]:
        search = self.batch(settings, k, threads=1)

        def one(query: Floats) -> Rows:
            rows: Rows = search(query)[0]
            return rows

        return one

    def batch(self, settings: Settings, k: int, threads: int) -> Callable[[Floats], Rows]:
        index = self._index
        index.num_threads = threads
        index.search_window_size = settings["search_window_size"]

        def many(queries: Floats) -> Rows:
            rows: Rows = index.search(queries, k)[0]
            return rows

        return many
