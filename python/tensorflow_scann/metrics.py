"""Keras metrics of retrieval models."""

import types
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from ._ops import scann_count_higher
from .config import check_integer
from .layers.factorized_top_k import BruteForce, Streaming, TopK
from .layers.factorized_top_k.results import check_rows, pair_similarity, similarity, unit_length

keras = tf.keras

# Candidates at a time: batches of a dataset cost little each, and where scores are written out they
# stay in the caches.
_BLOCK = 8192
_BLOCK_WITH_SCORES = 2048

_ROWS_DIFFER = "there must be a chosen candidate for each query"


class FactorizedTopK(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """How often the candidate that was chosen is among the best k for its query.

    Takes the place of `tfrs.metrics.FactorizedTopK` and gives the same numbers, with Keras 3 and
    with tf-keras. For each k it holds a Mean named `NAME/top_K_categorical_accuracy`, which a model
    that has this object as an attribute reports and resets.

    Exact evaluation is by scores: it counts the candidates that score higher than the chosen one,
    block by block, and never sorts. Evaluation by identifiers asks for the best k candidates, which
    may come from an approximate index, and looks for the chosen one's identifier among them.

    A candidate whose score is NaN counts as one that scores higher. (In TFRS a query is missed as
    soon as any of the best scores is not finite.)

    Scores are float32 numbers that were rounded: a chosen candidate can be outdone by itself, where
    its score, computed as one of many, comes out a little higher. Identifiers tell such candidates
    apart.

    Examples:
      >>> candidates = tf.data.Dataset.from_tensor_slices(tf.eye(4)).batch(2)
      >>> metric = FactorizedTopK(candidates, ks=(1, 2))
      >>> queries = tf.constant([[3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0]])
      >>> _ = metric.update_state(queries, tf.eye(4)[:2])
      >>> [float(value) for value in metric.result()]
      [0.5, 1.0]
    """

    def __init__(
        self,
        candidates: Any,
        ks: Iterable[int] = (1, 5, 10, 50, 100),
        name: str = "factorized_top_k",
    ) -> None:
        """Makes the metrics, all of them 0.

        Args:
          candidates: A `tf.data.Dataset` of batches of float [n, d] candidates, or of
            `(identifiers, candidates)`, which is read by every update: it may compute embeddings
            by a model that is being trained. Or a TopK layer with an index. The query model of one
            of this package, if it has one, is not asked: queries are embeddings.
          ks: The k's, each an integer of 1 or more.
          name: Of the layer.

        Raises:
          ValueError: for another kind of candidates, or a bad k.
        """
        super().__init__(name=name)
        self.supports_jit = False  # XLA has no datasets, and none of our ops
        try:
            ks = tuple(ks)
        except TypeError:
            raise ValueError(f"ks is {ks!r}, but must be a sequence of integers") from None
        if not ks:
            raise ValueError("ks is empty, but must have one k or more")
        for k in ks:
            check_integer("ks", k, 1)
        if isinstance(candidates, tf.data.Dataset):
            candidates = Streaming(k=max(ks)).index_from_dataset(candidates)
        if isinstance(candidates, type) or not hasattr(candidates, "is_exact"):
            raise ValueError(
                f"candidates is a {type(candidates).__name__}, but must be a tf.data.Dataset or a "
                "TopK layer"
            )
        self._ks = tuple(int(k) for k in ks)
        # In a namespace, where Keras does not look: with the metric it would save the candidates of
        # the moment, and a model that was loaded would be evaluated by those.
        self._source = types.SimpleNamespace(layer=candidates)
        self._means = [
            keras.metrics.Mean(name=f"{self.name}/top_{k}_categorical_accuracy") for k in self._ks
        ]
        self.built = True

    def update_state(
        self,
        query_embeddings: Any,
        true_candidate_embeddings: Any,
        true_candidate_ids: Any = None,
        sample_weight: Any = None,
    ) -> tf.Operation:
        """Adds queries to the metrics.

        Args:
          query_embeddings: Float [b, d].
          true_candidate_embeddings: Float [b, d]: the candidates that were chosen. They need not
            be among the candidates when the evaluation is by scores.
          true_candidate_ids: [b] or [b, 1]: their identifiers. With them the evaluation is by
            identifiers. `None`: by scores.
          sample_weight: [b], weights of the queries. `None`: all the same.

        Returns:
          The update, for control dependencies in TensorFlow 1's style of graphs.

        Raises:
          ValueError: true_candidate_ids is `None` and the candidates are an approximate index; or
            an argument has the wrong rank.
        """
        queries = _rank_2("query_embeddings", query_embeddings)
        if true_candidate_ids is None:
            layer = self._source.layer
            if not layer.is_exact():
                raise ValueError(
                    "true_candidate_ids is None, but must be given: the scores of an approximate "
                    f"index, {layer.name!r}, cannot be compared with exact ones"
                )
            chosen = _rank_2("true_candidate_embeddings", true_candidate_embeddings)
            if not chosen.shape.is_compatible_with(queries.shape):
                raise ValueError(
                    f"true_candidate_embeddings have shape {chosen.shape}, but must have that of "
                    f"query_embeddings, {queries.shape}"
                )
            ranks = self._ranks_by_scores(queries, chosen)
        else:
            ranks = self._ranks_by_identifiers(queries, tf.convert_to_tensor(true_candidate_ids))
        updates = [
            mean.update_state(tf.cast(ranks < k, tf.float32), sample_weight)
            for k, mean in zip(self._ks, self._means, strict=True)
        ]
        return tf.group(*[update for update in updates if update is not None])

    def result(self) -> list[tf.Tensor]:
        """The mean for each k, float32 scalars in the order of `ks`."""
        return [mean.result() for mean in self._means]

    def reset_state(self) -> None:
        """Sets the metrics to 0."""
        for mean in self._means:
            mean.reset_state()

    def reset_states(self) -> None:
        """The same, by the name that it has in TFRS."""
        self.reset_state()

    def _ranks_by_scores(self, queries: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        """[b]: how many candidates score higher than the chosen one; no number: far behind."""
        layer = self._source.layer
        measure = getattr(layer, "distance_measure", "dot_product")
        chosen = check_rows(tf.ensure_shape(chosen, queries.shape), queries, _ROWS_DIFFER)
        score = pair_similarity(queries, chosen, measure)
        if isinstance(layer, (BruteForce, Streaming)):
            higher = _count_higher(layer, queries, score, measure)
        else:
            found, _ = layer(queries, k=max(self._ks))
            higher = _count_above(found, score)
        return tf.where(tf.math.is_finite(score), higher, tf.int32.max)

    def _ranks_by_identifiers(self, queries: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        """[b]: the place of the chosen identifier among the best; far behind if it is not there."""
        layer = self._source.layer
        if not getattr(layer, "_sorted_order", True):
            raise ValueError(
                f"candidates, {layer.name!r}, have sorted_order=False, but evaluation by "
                "identifiers needs results that are sorted"
            )
        shape = chosen.shape
        rows = None if shape.rank is None else shape[:1]
        if shape.rank not in (1, 2, None) or (shape.rank == 2 and shape[1] not in (1, None)):
            raise ValueError(f"true_candidate_ids have shape {shape}, but must be [b] or [b, 1]")
        if rows is not None and not rows.is_compatible_with(queries.shape[:1]):
            raise ValueError(
                f"true_candidate_ids have shape {shape}, but there are {queries.shape[0]} queries"
            )
        k = max(self._ks)
        scores, identifiers = (
            layer._find(queries, k, None) if isinstance(layer, TopK) else layer(queries, k=k)
        )
        if chosen.dtype.is_integer and identifiers.dtype.is_integer:
            chosen, identifiers = tf.cast(chosen, tf.int64), tf.cast(identifiers, tf.int64)
        if chosen.dtype != identifiers.dtype:
            raise ValueError(
                f"true_candidate_ids have dtype {chosen.dtype.name}, but the candidates' "
                f"identifiers {identifiers.dtype.name}"
            )
        chosen = check_rows(tf.reshape(chosen, [-1, 1]), queries, _ROWS_DIFFER)
        # TFRS's layers know no missing places but those of the score NaN.
        match = tf.equal(identifiers, chosen) & tf.math.is_finite(scores)
        place = tf.argmax(tf.cast(match, tf.int32), axis=1, output_type=tf.int32)
        return tf.where(tf.reduce_any(match, axis=1), place, tf.int32.max)


def _rank_2(name: str, embeddings: Any) -> tf.Tensor:
    tensor = tf.convert_to_tensor(embeddings)
    if tensor.shape.rank is None:
        tensor = tf.ensure_shape(tensor, [None, None])
    if tensor.shape.rank != 2 or not tensor.dtype.is_floating:
        raise ValueError(
            f"{name} have shape {tensor.shape} and dtype {tensor.dtype.name}, but must be floats "
            "of rank 2: [b, d]"
        )
    return tf.cast(tensor, tf.float32)


def _count_higher(
    layer: BruteForce | Streaming, queries: tf.Tensor, scores: tf.Tensor, measure: str
) -> tf.Tensor:
    """[b]: how many of all candidates score higher than scores [b]."""

    def count_by_distance(block: tf.Tensor) -> tf.Tensor:
        return _count_above(similarity(queries, block, measure), scores)

    def count_by_product(block: tf.Tensor) -> tf.Tensor:
        block = unit_length(block) if measure == "cosine" else block
        return scann_count_higher(queries, block, scores)

    if measure == "squared_l2":
        size, count = _BLOCK_WITH_SCORES, count_by_distance
    else:
        size, count = _BLOCK, count_by_product
    if measure == "cosine":
        queries = unit_length(queries)
    counts = layer.candidate_blocks(size).map(count, num_parallel_calls=tf.data.AUTOTUNE)
    return counts.reduce(tf.zeros_like(scores, tf.int32), lambda total, count: total + count)


def _count_above(found: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """[b]: how many of found [b, n] are above scores [b], or are NaN."""
    # Not "not <=", of which TensorFlow's graph optimizer makes ">".
    above = (found > scores[:, None]) | tf.math.is_nan(found)
    return tf.reduce_sum(tf.cast(above, tf.int32), axis=1)
