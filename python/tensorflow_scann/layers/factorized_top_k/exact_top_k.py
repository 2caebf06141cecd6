"""ExactTopK: what the layers that search in TensorFlow ops have in common."""

import abc
from typing import Any

import tensorflow as tf

from ...searcher import exclusion_tensor, int32_tensor
from .results import Results, check_rows
from .top_k import TopK


class ExactTopK(TopK):
    """Exact top k in TensorFlow ops. Abstract."""

    def is_exact(self) -> bool:
        """True."""
        return True

    def _find(self, queries: tf.Tensor, k: Any, exclusions: Any, **effort: Any) -> Results:
        self._check_width(queries)
        k = self._check_k(k)
        rank = queries.shape.rank
        if exclusions is not None:
            exclusions = exclusion_tensor(exclusions, rank, self._identifier_dtype())
        if rank == 2:
            if exclusions is not None:
                exclusions = check_rows(
                    exclusions, queries, "exclusions must have a row for each query"
                )
            return self._find_batch(queries, k, exclusions, **effort)
        if exclusions is not None:
            exclusions = exclusions[None]
        scores, identifiers = self._find_batch(queries[None], k, exclusions, **effort)
        return scores[0], identifiers[0]

    def _check_width(self, queries: tf.Tensor) -> None:
        dimensions = self._dimensions()
        width = queries.shape[-1]
        if width is not None and width != dimensions:
            raise tf.errors.InvalidArgumentError(
                None, None, f"queries have {width} dimensions, but the index has {dimensions}"
            )

    def _check_k(self, k: Any) -> tf.Tensor:
        is_tensor = isinstance(k, (tf.Tensor, tf.Variable))
        k = int32_tensor("k", k) if is_tensor else tf.constant(k, tf.int32)
        check = tf.debugging.assert_positive(k, "k must be at least 1")
        with tf.control_dependencies([] if check is None else [check]):
            return tf.identity(k)

    @abc.abstractmethod
    def _find_batch(
        self, queries: tf.Tensor, k: tf.Tensor, exclusions: Any, **effort: Any
    ) -> Results:
        """The results for embeddings of rank 2, and exclusions of rank 2 or None."""
