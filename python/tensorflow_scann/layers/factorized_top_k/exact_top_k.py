"""ExactTopK: what the layers that search in TensorFlow ops have in common."""

import abc
from typing import Any

import tensorflow as tf

from ...searcher import exclusion_tensor
from .results import Results
from .top_k import TopK


class ExactTopK(TopK):
    """Exact top k in TensorFlow ops. Abstract."""

    def is_exact(self) -> bool:
        """True."""
        return True

    def _find(self, queries: tf.Tensor, k: Any, exclusions: Any) -> Results:
        rank = queries.shape.rank
        if exclusions is not None:
            exclusions = exclusion_tensor(exclusions, rank, self._identifier_dtype())
        if rank == 2:
            return self._find_batch(queries, tf.cast(k, tf.int32), exclusions)
        if exclusions is not None:
            exclusions = exclusions[None]
        scores, identifiers = self._find_batch(queries[None], tf.cast(k, tf.int32), exclusions)
        return scores[0], identifiers[0]

    @abc.abstractmethod
    def _find_batch(self, queries: tf.Tensor, k: tf.Tensor, exclusions: Any) -> Results:
        """The results for embeddings of rank 2, and exclusions of rank 2 or None."""
