"""What the Python tests share."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

import tensorflow_scann as tfscann


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keras: run with Keras 3 and again with tf-keras")


@pytest.fixture(scope="session")
def vectors() -> np.ndarray:
    """Clustered candidates, [3000, 24]."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 24))
    rows = centres[rng.integers(60, size=3000)] + 0.4 * rng.normal(size=(3000, 24))
    return rows.astype(np.float32)


@pytest.fixture(scope="session")
def names() -> np.ndarray:
    """Identifiers of `vectors`."""
    return np.array([f"item-{i}" for i in range(3000)])


@pytest.fixture(scope="session")
def tree_config() -> tfscann.IndexConfig:
    """A tree for catalogues so small that they would get an exact index."""
    return tfscann.IndexConfig(num_leaves=50)


@pytest.fixture(scope="session")
def searcher(
    vectors: np.ndarray, names: np.ndarray, tree_config: tfscann.IndexConfig
) -> tfscann.Searcher:
    """A tree of `vectors`, called `names`."""
    return tfscann.Searcher.build(vectors, names, config=tree_config)


@pytest.fixture
def run_python(tmp_path: os.PathLike[str]) -> Callable[..., str]:
    """Runs a program in a new process, by the command `within`, and returns what it prints."""

    def run(
        program: str, *arguments: object, within: Sequence[str] = (), **environment: str
    ) -> str:
        finished = subprocess.run(
            [*within, sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            check=False,
        )
        assert finished.returncode == 0, finished.stderr[-3000:]
        return finished.stdout

    return run


def brute_force(
    queries: np.ndarray, candidates: np.ndarray, k: int, measure: str = "dot_product"
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and rows of the best k, ties by the lower row; in double precision."""
    queries, candidates = queries.astype(np.float64), candidates.astype(np.float64)
    if measure == "cosine":
        queries = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-300)
        candidates = candidates / np.maximum(
            np.linalg.norm(candidates, axis=1, keepdims=True), 1e-300
        )
    if measure == "squared_l2":
        scores = ((queries[:, None, :] - candidates[None]) ** 2).sum(-1)
        order = np.argsort(scores, axis=1, kind="stable")[:, :k]
    else:
        scores = queries @ candidates.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), order


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Part of the true results that were found."""
    hits = [len(set(a) & set(t)) for a, t in zip(found.tolist(), truth.tolist(), strict=True)]
    return float(np.sum(hits) / truth.size)
