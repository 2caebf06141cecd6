"""ScannRetrieval: the retrieval layer of Keras Recommenders, with an index of ScaNN."""

import dataclasses
from typing import Any

import tensorflow as tf

from ..config import IndexConfig
from ..searcher import Searcher

keras = tf.keras

if not hasattr(keras, "version") or keras.version().startswith("2."):
    raise ImportError(
        "ScannRetrieval needs Keras 3, but TF_USE_LEGACY_KERAS has tf-keras take its place; "
        "layers.factorized_top_k.ScaNN works with both"
    )
try:
    import keras_rs
except ImportError as error:
    raise ImportError(
        f"ScannRetrieval needs Keras Recommenders ({error}): "
        "pip install 'tensorflow-scann[keras-rs]'"
    ) from None


@keras.utils.register_keras_serializable(package="tensorflow_scann")
class ScannRetrieval(keras_rs.layers.Retrieval):  # type: ignore[misc]
    """Approximate top k where Keras Recommenders has `keras_rs.layers.BruteForceRetrieval`.

    Needs Keras 3 on TensorFlow. Unlike the layers of Keras Recommenders it keeps its candidates
    when it is saved, in a `.keras` file, a SavedModel or a checkpoint, and it takes identifiers of
    any type that `Searcher` takes.

    Examples:
      >>> import numpy as np
      >>> layer = ScannRetrieval(k=2)
      >>> layer.update_candidates(np.eye(4, dtype=np.float32), np.array(["a", "b", "c", "d"]))
      >>> scores, identifiers = layer(np.array([[0.0, 2.0, 1.0, 0.0]], np.float32))
      >>> identifiers.numpy()
      array([[b'b', b'c']], dtype=object)
    """

    def __init__(
        self,
        candidate_embeddings: Any = None,
        candidate_ids: Any = None,
        k: int = 10,
        return_scores: bool = True,
        *,
        config: IndexConfig | None = None,
        parallelize_batch_searches: bool = True,
        **kwargs: Any,
    ) -> None:
        """Makes a layer; with candidates, if there are any yet.

        Args:
          candidate_embeddings: Float [n, d], n >= k. `None`: call `update_candidates` before the
            layer.
          candidate_ids: [n] of int32, int64, string, float32 or float64. `None`: row numbers,
            int32.
          k: Results a query.
          return_scores: False: return identifiers only.
          config: The parameters of the index but for k, which is the layer's. `None`:
            `IndexConfig()`.
          parallelize_batch_searches: Spread a batch over TensorFlow's threads.
          **kwargs: Of `keras.layers.Layer`, such as `name`.

        Raises:
          ValueError: for identifiers without embeddings, or as `update_candidates`.
        """
        if config is not None and not isinstance(config, IndexConfig):
            raise ValueError(f"config is {config!r}, but must be an IndexConfig")
        # Whatever the policy of the model around it, embeddings are searched as float32.
        kwargs.setdefault("dtype", "float32")
        super().__init__(k=k, return_scores=return_scores, **kwargs)
        self.supports_jit = False  # XLA has none of our ops
        self.config = dataclasses.replace(config or IndexConfig(), k=k)
        self.searcher = Searcher()
        self.searcher.parallelize = bool(parallelize_batch_searches)
        # There is nothing to build: what there is comes with the candidates.
        self.built = True
        if candidate_embeddings is not None:
            self.update_candidates(candidate_embeddings, candidate_ids)
        elif candidate_ids is not None:
            raise ValueError("candidate_ids must be None when candidate_embeddings is None")

    def update_candidates(
        self, candidate_embeddings: Any, candidate_ids: Any = None, *, tuning_queries: Any = None
    ) -> None:
        """Builds the index, in place of the one that there was; any number of rows, n >= k.

        Models that hold the layer and functions that were traced before see the new candidates.

        Args:
          candidate_embeddings: Float [n, d].
          candidate_ids: [n] of int32, int64, string, float32 or float64. `None`: row numbers,
            int32.
          tuning_queries: Float [b, d]; see `Searcher.build`.

        Raises:
          ValueError: for a wrong rank, dtype or number of rows, fewer candidates than k, or a NaN
            or infinite candidate, whose row is named.
        """
        embeddings = keras.ops.convert_to_numpy(candidate_embeddings)
        ids = None if candidate_ids is None else tf.convert_to_tensor(candidate_ids)
        if ids is not None and ids.shape.rank != 1:
            raise ValueError(f"candidate_ids have shape {ids.shape}, but must have rank 1: [n]")
        self._validate_candidate_embeddings_and_ids(embeddings, ids)
        self.searcher.rebuild(embeddings, ids, config=self.config, tuning_queries=tuning_queries)

    def call(self, inputs: Any) -> Any:
        """Finds the best candidates for each query.

        Args:
          inputs: Embeddings, float [b, d] or [d].

        Returns:
          (scores, identifiers), float32 and of the identifiers' dtype, both [b, k] or [k], best
          first; or, if `return_scores` is False, the identifiers.

        Raises:
          ValueError: there are no candidates yet.
        """
        scores, identifiers = self.searcher.search(inputs, self.k)
        return (scores, identifiers) if self.return_scores else identifiers

    def compute_output_spec(self, inputs: Any) -> Any:
        """Shapes and dtypes of what `call` returns, for Keras's functional models.

        The identifiers are taken for int32 as long as there are no candidates.
        """
        if len(inputs.shape) not in (1, 2):
            raise ValueError(f"inputs have shape {inputs.shape}, but must be [b, d] or [d]")
        dtype = "int32"
        if self.searcher.has_index:
            info = self.searcher.info()
            dtype = info.identifiers
            if inputs.shape[-1] not in (None, info.dimensions):
                raise ValueError(
                    f"inputs have {inputs.shape[-1]} dimensions, but candidates {info.dimensions}"
                )
        shape = (*inputs.shape[:-1], self.k)
        identifiers = keras.KerasTensor(shape, dtype)
        if not self.return_scores:
            return identifiers
        return keras.KerasTensor(shape, "float32"), identifiers

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, without the candidates."""
        # The base class puts a method where return_scores should be.
        return {
            **super().get_config(),
            "return_scores": self.return_scores,
            "config": dataclasses.asdict(self.config),
            "parallelize_batch_searches": self.searcher.parallelize,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScannRetrieval":
        """The layer that `get_config` came from, without its candidates."""
        return cls(**{**config, "config": IndexConfig(**config.get("config", {}))})

    def save_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        self.searcher.save_in(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        self.searcher.load_from(dir_path)
