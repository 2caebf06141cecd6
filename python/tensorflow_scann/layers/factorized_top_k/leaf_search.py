"""LeafSearch: an index's search in core TensorFlow ops, for programs without our op library.
ExactSearch: the same for an index without leaves.

It ranks the same leaves in the same way as the engine (cc/search/partitioner.h), down to the
integers of quantized centroids and query; then, instead of scoring codes and reordering the best,
it scores every candidate of the leaves.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ... import _engine
from ...info import IndexInfo
from .brute_force import BruteForce
from .candidate_store import CandidateStore
from .exact_top_k import ExactTopK
from .results import Results, drop_excluded, exclusion_width, finish, finite_rows
from .saving import EFFORT_NAMES

# Queries searched at a time: each has some megabytes of candidates in memory.
_PARALLEL_QUERIES = 8


def _nan_to_worst(scores: tf.Tensor) -> tf.Tensor:
    """Scores, -inf in place of NaN (of products that overflow)."""
    return tf.where(tf.math.is_nan(scores), -np.inf, scores)


def _module_of(arrays: dict[str, Any]) -> tf.Module:
    """Holds the arrays as variables by their names."""
    module = tf.Module()
    for name, values in arrays.items():
        setattr(module, name, tf.Variable(values, trainable=False, name=name))
    return module


class ExactSearch(BruteForce):
    """Exact top k, with the inputs of a search in leaves: they make no difference."""

    _effort_names = EFFORT_NAMES


class LeafSearch(ExactTopK):
    """Exact top k among the candidates of the best leaves of an index file with a tree."""

    _effort_names = EFFORT_NAMES

    def __init__(
        self, path: str, info: IndexInfo, query_model: Any = None, k: int = 10, name: str = "leaves"
    ) -> None:
        """Copies candidates, identifiers and leaves from an index file.

        Args:
          path: Of the index file, a local one.
          info: What it is.
          query_model: As of TopK.
          k: As of TopK.
          name: Of the layer.
        """
        super().__init__(k=k, name=name, query_model=query_model)
        index = _engine.Index.open(path)
        self._info = info
        self._store = CandidateStore()
        candidates = index.candidates()
        identifiers = candidates["identifiers"]
        if isinstance(identifiers, list):
            identifiers = np.array(identifiers, object)
        self._store.assign(candidates["rows"], identifiers)
        tree = index.tree()
        self._leaf_spread = tree.pop("leaf_spread")
        self._leaf_demand = tree.pop("leaf_demand")
        self._branch_share = tree.pop("branch_share")
        branches = tree.pop("branches")
        self._branches = None
        if branches is not None:
            self._leaves_of_branch = branches.pop("leaves")
            self._branches = _module_of(branches)
        zeros = np.zeros(info.dimensions, np.float32)
        if len(tree["center"]) == 0:
            tree["center"] = zeros
        # What candidates are relative to.
        tree["origin"] = tree["center"] if info.reordering_dtype == "int8" else zeros
        self._copies = 2 if info.soar_lambda else 1  # places of a candidate, at most
        self._tree = _module_of(tree)

    def is_exact(self) -> bool:
        """False: only the best leaves are searched."""
        return False

    def _find_batch(
        self,
        queries: tf.Tensor,
        k: tf.Tensor,
        exclusions: Any,
        **effort: Any,
    ) -> Results:
        # num_reordering_candidates is of no use: every candidate is scored exactly.
        info, store = self._info, self._store
        assert info.num_leaves is not None
        assert info.num_leaves_to_search is not None
        batch = tf.shape(queries)[0]
        # map_fn makes nothing of no queries.
        queries = tf.pad(queries, [[0, tf.cast(batch == 0, tf.int32)], [0, 0]])
        queries, finite = finite_rows(queries)
        if info.distance_measure == "cosine":
            queries = _unit_length(queries)
        extra = 0 if exclusions is None else exclusion_width(exclusions) * store.copies
        width = tf.minimum(k + extra, info.num_candidates)
        wanted = tf.convert_to_tensor(effort.get("num_leaves_to_search", 0))
        check = tf.debugging.assert_non_negative(wanted, "num_leaves_to_search must be at least 0")
        with tf.control_dependencies([] if check is None else [check]):
            wanted = tf.identity(wanted)
        wanted = tf.where(wanted > 0, wanted, info.num_leaves_to_search)
        scores, num_leaves = self._leaf_scores(queries, wanted)
        ranking = tf.math.top_k(scores, info.num_leaves).indices

        def search(of_query: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            ranking, num_leaves, query = of_query
            rows = self._rows_of_leaves(ranking, num_leaves, width)
            candidates = tf.gather(store.candidates, rows)
            query = query - self._tree.origin
            similarities = _similarity(query, candidates, info.distance_measure)
            return _best_distinct(similarities, rows, self._copies, width)

        similarities, rows = tf.map_fn(
            search,
            (ranking, num_leaves, queries),
            fn_output_signature=(
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ),
            parallel_iterations=_PARALLEL_QUERIES,
        )
        similarities, rows, finite = similarities[:batch], rows[:batch], finite[:batch]
        identifiers = tf.gather(store.identifiers, rows)
        # Products that overflow may be NaN.
        valid = finite[:, None] & ~tf.math.is_nan(similarities)
        if exclusions is not None:
            similarities, identifiers, valid = drop_excluded(
                similarities, identifiers, valid, exclusions
            )
        return finish(similarities, identifiers, valid, k, info.distance_measure)

    def _leaf_scores(self, queries: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[b, leaves]: larger for leaves that may have better candidates, and the leaves due.

        `count`: leaves of the average query. Leaves of branches that are not looked at: -inf.
        """
        tree, num_leaves = self._tree, self._info.num_leaves
        queries = queries - tree.center
        exact = tf.cast(queries, tf.float64)
        norms = tf.cast(tf.sqrt(tf.reduce_sum(exact * exact, axis=-1)), tf.float32)[:, None]
        # Quantized to bytes; tf.round is to even, as the engine's.
        scales = tf.reduce_max(tf.abs(queries), axis=-1, keepdims=True) / 127.0
        inverses = tf.math.reciprocal_no_nan(scales)
        inverses = tf.where(tf.math.is_finite(inverses), inverses, 0.0)
        values = tf.clip_by_value(tf.round(queries * inverses), -127.0, 127.0)
        scales = tf.where(inverses > 0, scales, 0.0)
        count = tf.minimum(count, num_leaves)
        scores = deciding = self._ranked(tree, values, scales, norms)
        if self._branches is not None:
            deciding = self._ranked(self._branches, values, scales, norms)
            chosen = tf.repeat(
                self._chosen_branches(deciding, count), self._leaves_of_branch, axis=-1
            )
            scores = tf.where(chosen[:, :num_leaves], scores, -np.inf)
        return scores, self._num_leaves_for(scores, deciding, norms, count)

    def _ranked(
        self, centroids: tf.Module, values: tf.Tensor, scales: tf.Tensor, norms: tf.Tensor
    ) -> tf.Tensor:
        """Scores [b, centroids] of leaves or branches for quantized queries."""
        # As floats, in which products of bytes add up exactly.
        rows = tf.cast(centroids.centroids, tf.float32)
        products = tf.linalg.matmul(values, rows, transpose_b=True) * centroids.scales * scales
        if self._info.distance_measure != "squared_l2":
            return _nan_to_worst(products + centroids.radii * (self._leaf_spread * norms))
        distances = tf.maximum(norms * norms - (2 * products - centroids.squared_norms), 0.0)
        gain = centroids.radii * tf.sqrt(distances) * (2 * self._leaf_spread)
        return _nan_to_worst(gain - distances - centroids.norm_terms)

    def _chosen_branches(self, scores: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """[b, branches]: whether leaves of the branch are looked at."""
        num_branches = int(scores.shape[-1])
        most = self._leaf_demand[-1]
        wanted = self._branch_share * tf.sqrt(tf.cast(count, tf.float64) * num_branches)
        wanted = tf.cast(tf.math.ceil(wanted), tf.int32)
        least = -(-int(most) * count // self._leaves_of_branch) + 1
        wanted = tf.minimum(tf.maximum(wanted, least), num_branches)
        wanted = tf.where(count >= self._info.num_leaves, num_branches, wanted)
        bound = tf.math.top_k(scores, num_branches).values[:, wanted - 1]
        return scores >= bound[:, None]

    def _num_leaves_for(
        self, scores: tf.Tensor, deciding: tf.Tensor, norms: tf.Tensor, count: tf.Tensor
    ) -> tf.Tensor:
        """[b]: leaves for each query, by the best leaf and the deviation of `deciding` scores."""
        intercept, best_weight, deviation_weight, least, most = self._leaf_demand
        num_leaves = self._info.num_leaves
        if self._info.distance_measure != "squared_l2":
            scores = scores * tf.math.reciprocal(norms)
            deciding = deciding * tf.math.reciprocal(norms)
        best = tf.reduce_max(scores, axis=-1)
        deviation = tf.math.reduce_std(deciding, axis=-1)
        factor = tf.exp(intercept + best_weight * best + deviation_weight * deviation)
        factor = tf.where(tf.math.is_nan(factor), 1.0, tf.clip_by_value(factor, least, most))
        wanted = tf.cast(tf.round(tf.cast(count, tf.float32) * factor), tf.int32)
        return tf.where(count >= num_leaves, num_leaves, tf.clip_by_value(wanted, 1, num_leaves))

    def _rows_of_leaves(
        self, ranking: tf.Tensor, num_leaves: tf.Tensor, least: tf.Tensor
    ) -> tf.Tensor:
        """The rows of the first `num_leaves` leaves, or of more to have `least` distinct ones."""
        tree = self._tree
        starts = tf.gather(tree.leaf_splits, ranking)
        ends = tf.gather(tree.leaf_splits, ranking + 1)
        # A row may stand in two leaves.
        places = tf.cast(tf.cumsum(ends - starts), tf.int32)
        enough = 1 + tf.reduce_sum(tf.cast(places < self._copies * least, tf.int32))
        count = tf.minimum(tf.maximum(num_leaves, enough), self._info.num_leaves)
        positions = tf.ragged.range(starts[:count], ends[:count]).values
        return tf.gather(tree.leaf_rows, positions)

    def index(self, candidates: Any, identifiers: Any = None) -> Any:
        """Raises: the candidates are those of the index file."""
        raise ValueError("a LeafSearch has the candidates of its index file")

    def index_from_dataset(self, candidates: Any) -> Any:
        """Raises: the candidates are those of the index file."""
        raise ValueError("a LeafSearch has the candidates of its index file")

    def _identifier_dtype(self) -> tf.DType:
        assert self._store.identifiers is not None
        return self._store.identifiers.dtype

    def _dimensions(self) -> int:
        return self._info.dimensions


def _unit_length(queries: tf.Tensor) -> tf.Tensor:
    """As the engine does it, in double precision."""
    exact = tf.cast(queries, tf.float64)
    norms = tf.norm(exact, axis=-1, keepdims=True)
    return tf.cast(tf.math.divide_no_nan(exact, norms), tf.float32)


def _similarity(query: tf.Tensor, candidates: tf.Tensor, distance_measure: str) -> tf.Tensor:
    """[d] x [m, d] -> [m], larger for better. Of unit length where the measure is cosine."""
    if distance_measure == "squared_l2":
        return -tf.reduce_sum(tf.math.squared_difference(candidates, query), axis=-1)
    return tf.linalg.matvec(candidates, query)


def _best_distinct(
    similarities: tf.Tensor, rows: tf.Tensor, copies: int, width: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The best `width` rows, each of which may be there `copies` times.

    Of equal ones the lower row first; NaN last. There must be `width` distinct rows.
    """
    # Integers in the order of the floats, then the row: copies are equal, and come together.
    bits = tf.bitcast(similarities + 0.0, tf.int32)
    order = tf.bitwise.bitwise_xor(
        bits, tf.bitwise.bitwise_and(tf.bitwise.right_shift(bits, 31), tf.int32.max)
    )
    order = tf.where(tf.math.is_nan(similarities), tf.int32.min + 1, order)
    keys = tf.cast(order, tf.int64) * (1 << 32) - tf.cast(rows, tf.int64)
    best = tf.math.top_k(keys, tf.minimum(copies * width, tf.size(keys)))
    is_first = tf.concat([[True], best.values[1:] != best.values[:-1]], axis=0)
    places = tf.boolean_mask(best.indices, is_first)[:width]
    return tf.gather(similarities, places), tf.gather(rows, places)
