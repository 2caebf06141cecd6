"""ScaNN: approximate top k through the engine's ops."""

import dataclasses
from typing import Any

import tensorflow as tf

from ...config import IndexConfig
from ...searcher import Searcher
from .results import Results
from .saving import EFFORT_NAMES
from .top_k import TopK, register


@register
class ScaNN(TopK):
    """Approximate top k: a partitioning tree, anisotropic 4-bit codes, and exact reordering.

    Takes the place of `tfrs.layers.factorized_top_k.ScaNN`. The whole index is saved with the
    layer, by `tf.saved_model.save`, `layer.export`, `layer.save` and `tf.train.Checkpoint`.

    Examples:
      >>> import numpy as np
      >>> candidates = np.eye(4, dtype=np.float32)
      >>> layer = ScaNN(k=1).index(candidates, np.array(["a", "b", "c", "d"]))
      >>> scores, identifiers = layer(candidates[1:3])
      >>> identifiers.numpy()
      array([[b'b'],
             [b'c']], dtype=object)
    """

    def __init__(
        self,
        query_model: Any = None,
        k: int = 10,
        distance_measure: str = "dot_product",
        num_leaves: int | None = None,
        num_leaves_to_search: int | None = None,
        training_iterations: int = 12,
        dimensions_per_block: int = 2,
        num_reordering_candidates: int | None = None,
        parallelize_batch_searches: bool = True,
        name: str | None = None,
        *,
        soar_lambda: float | None = None,
        anisotropic_quantization_threshold: float = 0.2,
        reordering_dtype: str = "float32",
        target_recall: float = 0.95,
        seed: int = 0,
    ) -> None:
        """Makes a layer without candidates; the positional arguments are those of TFRS.

        Args:
          query_model: Maps raw queries to embeddings [b, d]. `None`: queries are embeddings.
          k: Results a query, unless a call says otherwise.
          distance_measure: See IndexConfig, as for what is not described here.
          num_leaves: `None`: chosen from the number of candidates.
          num_leaves_to_search: `None`: measured when the index is built.
          training_iterations: Rounds of k-means.
          dimensions_per_block: Dimensions quantized together.
          num_reordering_candidates: `None`: measured when the index is built.
          parallelize_batch_searches: Spread a batch over TensorFlow's threads.
          name: Of the layer.
          soar_lambda: `None`: 1.0; 0 switches second partitions off.
          anisotropic_quantization_threshold: In [0, 1).
          reordering_dtype: "float32" or "int8".
          target_recall: What the measured choices aim at, in (0, 1].
          seed: Of all random choices.

        Raises:
          ValueError: for a parameter out of its range, naming it, its value and the range.
        """
        super().__init__(k=k, name=name, query_model=query_model)
        self.config = IndexConfig(
            distance_measure=distance_measure,
            num_leaves=num_leaves,
            num_leaves_to_search=num_leaves_to_search,
            training_iterations=training_iterations,
            dimensions_per_block=dimensions_per_block,
            num_reordering_candidates=num_reordering_candidates,
            soar_lambda=soar_lambda,
            anisotropic_quantization_threshold=anisotropic_quantization_threshold,
            reordering_dtype=reordering_dtype,
            target_recall=target_recall,
            k=self.k,
            seed=seed,
        )
        self.searcher = Searcher()
        self.searcher.parallelize = bool(parallelize_batch_searches)

    def index(
        self, candidates: Any, identifiers: Any = None, *, tuning_queries: Any = None
    ) -> "ScaNN":
        """See TopK.index.

        Args:
          candidates: See TopK.index.
          identifiers: See TopK.index.
          tuning_queries: A batch of queries as the layer takes them, a thousand or so, to measure
            with how much of the index a search must look at to reach `target_recall`. `None`: with
            candidates in their place, which the queries of a two-tower model do not resemble.

        Returns:
          self.
        """
        return self._build(candidates, identifiers, tuning_queries)

    def index_from_dataset(
        self, candidates: tf.data.Dataset, *, tuning_queries: Any = None
    ) -> "ScaNN":
        """See TopK.index_from_dataset, and `index`. Candidates need never all be in memory."""
        return self._build(candidates, None, tuning_queries)

    def _build(self, candidates: Any, identifiers: Any, tuning_queries: Any) -> "ScaNN":
        if tuning_queries is not None:
            tuning_queries = self._embed(tuning_queries)
        self.searcher.rebuild(
            candidates, identifiers, config=self.config, tuning_queries=tuning_queries
        )
        return self

    def is_exact(self) -> bool:
        """False: even a catalogue so small that its index is exact may grow."""
        return False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, k={self.k}, {self.searcher!r}>"

    _effort_names = EFFORT_NAMES

    def _embed(self, queries: Any) -> Any:
        # The searcher takes embeddings as they are, and checks them itself.
        return queries if self.query_model is None else super()._embed(queries)

    def _find(self, queries: tf.Tensor, k: Any, exclusions: Any, **effort: Any) -> Results:
        return self.searcher.search(queries, k, exclusions=exclusions, **effort)

    def _identifier_dtype(self) -> tf.DType:
        return self.searcher.identifier_dtype

    def _dimensions(self) -> int:
        return self.searcher.info().dimensions

    def get_config(self) -> dict[str, Any]:
        """See TopK.get_config."""
        return {
            **super().get_config(),
            **dataclasses.asdict(self.config),
            "parallelize_batch_searches": self.searcher.parallelize,
        }

    def save_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        self.searcher.save_in(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Called by Keras for a `.keras` file."""
        self.searcher.load_from(dir_path)
