"""Adapter for tensorflow-scann: the engine alone, without importing TensorFlow."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import math
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.adapter import Adapter, Floats, Rows, Settings

INDEX_FILE = "index.tfscann"

# Search settings for 331,479 candidates; leaf counts scale with the square root of the candidates.
LEAVES_TO_SEARCH = [
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    12,
    13,
    15,
    18,
    21,
    24,
    28,
    33,
    40,
    50,
    57,
    65,
    90,
    130,
    150,
    200,
]
REORDERED = [28, 35, 45, 60, 80, 140]


def load_engine() -> Any:
    """The extension module `_engine` of the installed package, whose __init__ does not run.

    Raises ImportError when the package is not installed or not compiled.
    """
    package = importlib.util.find_spec("tensorflow_scann")
    if package is None or package.submodule_search_locations is None:
        raise ImportError("tensorflow_scann is not installed in this environment")
    name = "tensorflow_scann._engine"
    folders = list(package.submodule_search_locations)
    spec = importlib.machinery.PathFinder.find_spec(name, folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"tensorflow_scann holds no compiled module {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Ours(Adapter):
    """Builder and Index of the engine."""

    def __init__(self) -> None:
        self._engine = load_engine()

    def versions(self) -> dict[str, str]:
        try:
            version = metadata.version("tensorflow-scann")
        except metadata.PackageNotFoundError:
            version = "source tree"
        return {"tensorflow-scann": version, "numpy": np.__version__}

    def builds(self, n: int, d: int) -> list[Settings]:
        return [{}, {"num_leaves": max(1, round(2 * math.sqrt(n)))}]

    def searches(self, build: Settings, n: int, d: int) -> list[list[Settings]]:
        scale = math.sqrt(n / 331_479)
        return [
            [{"num_leaves_to_search": leaves, "num_reordering_candidates": m} for m in REORDERED]
            for leaves in sorted({max(1, round(scale * count)) for count in LEAVES_TO_SEARCH})
        ]

    def build(self, candidates: Floats, settings: Settings, folder: Path, threads: int) -> None:
        config = {"distance_measure": "dot_product", "k": 10} | settings
        builder = self._engine.Builder(str(folder / INDEX_FILE), candidates.shape[1], config)
        builder.add(candidates)
        builder.finish(threads=threads)

    def load(self, folder: Path) -> None:
        self._index = self._engine.Index.open(str(folder / INDEX_FILE))

    def single(self, settings: Settings, k: int) -> Callable[[Floats], Rows]:
        return self.batch(settings, k, threads=1)

    def batch(self, settings: Settings, k: int, threads: int) -> Callable[[Floats], Rows]:
        search = self._index.search
        leaves, reordered = settings["num_leaves_to_search"], settings["num_reordering_candidates"]

        def found(queries: Floats) -> Rows:
            # By position: pybind11 takes a third of a microsecond for a name.
            rows: Rows = search(queries, k, leaves, reordered, threads)[1]
            return rows

        return found
