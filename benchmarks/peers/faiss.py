"""Adapters for faiss-cpu: inverted lists with 4-bit product quantization, and HNSW graphs."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import faiss  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np

from benchmarks.peers.adapter import Adapter, Floats, Rows, Settings, leaf_grid

INDEX_FILE = "index.faiss"


class Faiss(Adapter):
    """What the two index types share: training, files, and search parameters made beforehand."""

    def versions(self) -> dict[str, str]:
        return {"faiss-cpu": metadata.version("faiss-cpu"), "numpy": np.__version__}

    def build(self, candidates: Floats, settings: Settings, folder: Path, threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        index = self.empty_index(candidates.shape[1], settings)
        index.train(candidates)
        index.add(candidates)
        faiss.write_index(index, str(folder / INDEX_FILE))

    def load(self, folder: Path) -> None:
        self._index: Any = faiss.read_index(str(folder / INDEX_FILE))

    def single(self, settings: Settings, k: int) -> Callable[[Floats], Rows]:
        search = self.batch(settings, k, threads=1)

        def one(query: Floats) -> Rows:
            rows: Rows = search(query.reshape(1, -1))[0]
            return rows

        return one

    def batch(self, settings: Settings, k: int, threads: int) -> Callable[[Floats], Rows]:
        faiss.omp_set_num_threads(threads)
        search, parameters = self._index.search, self.search_parameters(settings)

        def many(queries: Floats) -> Rows:
            rows: Rows = search(queries, k, params=parameters)[1]
            return rows

        return many

    @abstractmethod
    def empty_index(self, d: int, settings: Settings) -> Any:
        """An untrained faiss index for d dims."""

    @abstractmethod
    def search_parameters(self, settings: Settings) -> Any:
        """The faiss SearchParameters object for one search setting."""


class IvfFastScan(Faiss):
    """IVF, residual 4-bit codes of 2 dims scored in registers, reordering with the float32 rows."""

    def builds(self, n: int, d: int) -> list[Settings]:
        # On GloVe, half and twice as many lists were no faster at recall 0.90, 0.95 and 0.99.
        lists = max(1, round(2 * math.sqrt(n)))
        return [{"nlist": lists, "factory": f"IVF{lists},PQ{d // 2}x4fsr,RFlat"}]

    def searches(self, build: Settings, n: int, d: int) -> list[list[Settings]]:
        fractions = [0.002, 0.004, 0.006, 0.009, 0.013, 0.02, 0.03, 0.045, 0.07, 0.1, 0.16, 0.24]
        fractions += [0.36]
        return [
            [{"nprobe": nprobe, "k_factor": factor} for factor in (6, 10, 18, 32)]
            for nprobe in leaf_grid(build["nlist"], fractions)
        ]

    def empty_index(self, d: int, settings: Settings) -> Any:
        return faiss.index_factory(d, settings["factory"], faiss.METRIC_INNER_PRODUCT)

    def search_parameters(self, settings: Settings) -> Any:
        return faiss.IndexRefineSearchParameters(
            k_factor=settings["k_factor"],
            base_index_params=faiss.SearchParametersIVF(nprobe=settings["nprobe"]),
        )


class Hnsw(Faiss):
    """A navigable small-world graph over the float32 rows."""

    def builds(self, n: int, d: int) -> list[Settings]:
        return [{"M": 32, "efConstruction": 100}]

    def searches(self, build: Settings, n: int, d: int) -> list[list[Settings]]:
        return [[{"efSearch": breadth}] for breadth in (30, 50, 80, 120, 180, 280, 450)]

    def empty_index(self, d: int, settings: Settings) -> Any:
        index = faiss.IndexHNSWFlat(d, settings["M"], faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = settings["efConstruction"]
        return index

    def search_parameters(self, settings: Settings) -> Any:
        return faiss.SearchParametersHNSW(efSearch=settings["efSearch"])
