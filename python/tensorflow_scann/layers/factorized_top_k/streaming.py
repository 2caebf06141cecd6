"""Streaming: exact top k over a dataset."""

import os
from typing import Any

import tensorflow as tf

from .exact_top_k import ExactTopK
from .results import Results, drop_excluded, finish, finite_rows, similarity
from .top_k import register

_ASSET = "candidates"


@register
class Streaming(ExactTopK):
    """Exact top k over a `tf.data.Dataset`: candidates are never all in memory.

    Takes the place of `tfrs.layers.factorized_top_k.Streaming`. Slow: it reads the dataset for each
    call. Dot products. A checkpoint does not hold the dataset; a SavedModel and a `.keras` file do.
    In a SavedModel it is what TensorFlow traces: a dataset that reads files reads them there, too.
    """

    def __init__(
        self,
        query_model: Any = None,
        k: int = 10,
        handle_incomplete_batches: bool = True,
        num_parallel_calls: int = tf.data.AUTOTUNE,
        sorted_order: bool = True,
        name: str | None = None,
    ) -> None:
        """Makes a layer without candidates.

        Args:
          query_model: Maps raw queries to embeddings [b, d]. `None`: queries are embeddings.
          k: Results a query, unless a call says otherwise.
          handle_incomplete_batches: Allow batches of fewer than k candidates. False is a little
            faster.
          num_parallel_calls: Batches of candidates scored at a time.
          sorted_order: True: best first. False: in any order, a little faster.
          name: Of the layer.
        """
        super().__init__(k=k, name=name, query_model=query_model)
        self._handle_incomplete_batches = bool(handle_incomplete_batches)
        self._num_parallel_calls = num_parallel_calls
        self._sorted_order = bool(sorted_order)
        self._candidates: tf.data.Dataset | None = None

    def index(self, candidates: Any, identifiers: Any = None) -> "Streaming":
        """Not for this layer, whose candidates come from a dataset.

        Raises:
          NotImplementedError: always, as in TFRS.
        """
        raise NotImplementedError(
            "Streaming searches a dataset of candidates: call index_from_dataset instead of index"
        )

    def index_from_dataset(self, candidates: tf.data.Dataset) -> "Streaming":
        """See TopK.index_from_dataset. The dataset is read by each search."""
        spec = candidates.element_spec
        if isinstance(spec, tuple) and len(spec) == 2:
            vectors = spec[1]
        elif isinstance(spec, tf.TensorSpec):
            vectors = spec
        else:
            raise ValueError(
                f"candidates: the dataset has elements {spec}, but must have batches of candidates "
                "or of (identifiers, candidates)"
            )
        if vectors.shape.rank != 2 or not vectors.dtype.is_floating:
            raise ValueError(
                f"candidates: the dataset has batches of shape {vectors.shape} and dtype "
                f"{vectors.dtype.name}, but must have floats of rank 2: [n, d]"
            )
        self._candidates = candidates
        return self

    def _find_batch(
        self, queries: tf.Tensor, k: tf.Tensor, exclusions: Any, **effort: Any
    ) -> Results:
        dataset = self._indexed()
        queries, finite = finite_rows(queries)
        batch = tf.shape(queries)[0]
        has_identifiers = isinstance(dataset.element_spec, tuple)
        dtype = self._identifier_dtype()

        def best_of_batch(first_row: tf.Tensor, batch_of_candidates: Any) -> Any:
            """The best of one batch, its excluded candidates left out."""
            if has_identifiers:
                identifiers, candidates = batch_of_candidates
            else:
                candidates = batch_of_candidates
                identifiers = tf.cast(first_row, dtype) + tf.range(tf.shape(candidates)[0])
            candidates = tf.cast(candidates, tf.float32)
            similarities = similarity(queries, candidates, "dot_product")
            identifiers = tf.broadcast_to(identifiers[None], tf.shape(similarities))
            valid = tf.broadcast_to(finite[:, None], tf.shape(similarities))
            if exclusions is not None:
                similarities, identifiers, valid = drop_excluded(
                    similarities, identifiers, valid, exclusions
                )
            similarities = tf.where(valid, similarities, -float("inf"))
            width = k
            if self._handle_incomplete_batches:
                width = tf.minimum(k, tf.shape(candidates)[0])
            similarities, places = tf.math.top_k(similarities, width, sorted=self._sorted_order)
            return (
                similarities,
                tf.gather(identifiers, places, batch_dims=1),
                tf.gather(valid, places, batch_dims=1),
            )

        def merge(state: Any, new: Any) -> Any:
            # The state comes first: of equal scores top_k takes the lower place.
            similarities, identifiers, valid = (
                tf.concat([old, added], axis=1) for old, added in zip(state, new, strict=True)
            )
            width = tf.minimum(k, tf.shape(similarities)[1])
            # Invalid places score -infinity, as a valid one may by overflow.
            similarities, places = tf.math.top_k(similarities, width, sorted=self._sorted_order)
            return (
                similarities,
                tf.gather(identifiers, places, batch_dims=1),
                tf.gather(valid, places, batch_dims=1),
            )

        start = (
            tf.zeros([batch, 0], tf.float32),
            tf.zeros([batch, 0], dtype),
            tf.zeros([batch, 0], tf.bool),
        )

        def number(first_row: tf.Tensor, element: Any) -> Any:
            vectors = element[1] if has_identifiers else element
            count = tf.shape(vectors, out_type=tf.int64)[0]
            return first_row + count, (first_row, element)

        numbered = dataset.scan(tf.constant(0, tf.int64), number)
        best = numbered.map(best_of_batch, num_parallel_calls=self._num_parallel_calls)
        similarities, identifiers, valid = best.reduce(start, merge)
        return finish(similarities, identifiers, valid, k, "dot_product")

    def candidate_blocks(self, size: int) -> tf.data.Dataset:
        """The candidates, float32 [n, d] of n <= size at a time.

        Raises:
          ValueError: before `index_from_dataset`.
        """
        dataset = self._indexed()
        if isinstance(dataset.element_spec, tuple):
            dataset = dataset.map(lambda identifiers, candidates: candidates)
        return dataset.rebatch(size).map(lambda candidates: tf.cast(candidates, tf.float32))

    def _indexed(self) -> tf.data.Dataset:
        if self._candidates is None:
            raise ValueError("there is no index yet: call index_from_dataset before searching")
        return self._candidates

    def _identifier_dtype(self) -> tf.DType:
        spec = self._indexed().element_spec
        return spec[0].dtype if isinstance(spec, tuple) else tf.int32

    def _dimensions(self) -> int:
        spec = self._indexed().element_spec
        dimensions = (spec[1] if isinstance(spec, tuple) else spec).shape[1]
        if dimensions is None:
            raise ValueError("candidates: the dataset does not say how many dimensions they have")
        return int(dimensions)

    def save_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        if self._candidates is not None:
            self._candidates.save(os.path.join(dir_path, _ASSET))

    def load_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        path = os.path.join(dir_path, _ASSET)
        if not tf.io.gfile.exists(path):
            return
        # The folder goes away after loading, but the dataset is read again for each search.
        batches = list(tf.data.Dataset.load(path))
        rows = tf.data.Dataset.from_tensor_slices(
            tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)
        )
        size = tf.shape(tf.nest.flatten(batches[0])[0])[0]
        self._candidates = rows.batch(tf.cast(size, tf.int64))

    def get_config(self) -> dict[str, Any]:
        """See TopK.get_config."""
        return {
            **super().get_config(),
            "handle_incomplete_batches": self._handle_incomplete_batches,
            "num_parallel_calls": self._num_parallel_calls,
            "sorted_order": self._sorted_order,
        }
