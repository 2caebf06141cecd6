"""BruteForce: exact top k in TensorFlow ops."""

from typing import Any

import tensorflow as tf

from ...building import collect_batches
from .candidate_store import CandidateStore
from .exact_top_k import ExactTopK
from .results import (
    Results,
    check_distance_measure,
    drop_excluded,
    exclusion_width,
    finish,
    finite_rows,
    similarity,
)
from .top_k import register


@register
class BruteForce(ExactTopK):
    """Exact top k: a matrix product and `tf.math.top_k`, in TensorFlow ops only.

    Takes the place of `tfrs.layers.factorized_top_k.BruteForce`.

    Examples:
      >>> import numpy as np
      >>> candidates = np.eye(4, dtype=np.float32)
      >>> scores, identifiers = BruteForce(k=2).index(candidates)(candidates[3])
      >>> identifiers.numpy()
      array([3, 0], dtype=int32)
    """

    def __init__(
        self,
        query_model: Any = None,
        k: int = 10,
        name: str | None = None,
        *,
        distance_measure: str = "dot_product",
    ) -> None:
        """Makes a layer without candidates.

        Args:
          query_model: Maps raw queries to embeddings [b, d]. `None`: queries are embeddings.
          k: Results a query, unless a call says otherwise.
          name: Of the layer.
          distance_measure: "dot_product", "cosine" or "squared_l2".

        Raises:
          ValueError: for a bad k or distance measure.
        """
        check_distance_measure(distance_measure)
        super().__init__(k=k, name=name, query_model=query_model)
        self.distance_measure = distance_measure
        self._store = CandidateStore()

    def index(self, candidates: Any, identifiers: Any = None) -> "BruteForce":
        """See TopK.index."""
        self._store.assign(*collect_batches(candidates, identifiers))
        return self

    def index_from_dataset(self, candidates: tf.data.Dataset) -> "BruteForce":
        """See TopK.index_from_dataset."""
        self._store.assign(*collect_batches(candidates, None))
        return self

    def _find_batch(
        self, queries: tf.Tensor, k: tf.Tensor, exclusions: Any, **effort: Any
    ) -> Results:
        store = self._indexed()
        queries, finite = finite_rows(queries)
        candidates = store.candidates.read_value()
        similarities = similarity(queries, candidates, self.distance_measure)
        # An excluded identifier may stand in several places.
        extra = 0 if exclusions is None else exclusion_width(exclusions) * store.copies
        width = tf.minimum(k + extra, tf.shape(candidates)[0])
        similarities, rows = tf.math.top_k(similarities, width)
        identifiers = tf.gather(store.identifiers, rows)
        valid = tf.broadcast_to(finite[:, None], tf.shape(similarities))
        if exclusions is not None:
            similarities, identifiers, valid = drop_excluded(
                similarities, identifiers, valid, exclusions
            )
        return finish(similarities, identifiers, valid, k, self.distance_measure)

    def candidate_blocks(self, size: int) -> tf.data.Dataset:
        """The candidates, float32 [n, d] of n <= size at a time.

        Raises:
          ValueError: before `index`.
        """
        candidates = self._indexed().candidates
        count = tf.cast(tf.shape(candidates.read_value())[0], tf.int64)
        starts = tf.data.Dataset.range(0, count, size)
        return starts.map(lambda start: candidates.read_value()[start : start + size])

    def _indexed(self) -> Any:
        if self._store.candidates is None:
            raise ValueError("there is no index yet: call index before searching")
        return self._store

    def _identifier_dtype(self) -> tf.DType:
        return self._indexed().identifiers.dtype

    def _dimensions(self) -> int:
        return int(self._indexed().dimensions)

    def get_config(self) -> dict[str, Any]:
        """See TopK.get_config."""
        return {**super().get_config(), "distance_measure": self.distance_measure}

    def save_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        self._store.save(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        self._store.load(dir_path)
