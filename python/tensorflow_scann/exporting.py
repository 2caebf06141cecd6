"""Writing SavedModels for model servers."""

import os
from typing import Any

import tensorflow as tf

from .layers.factorized_top_k.saving import serving_functions
from .layers.factorized_top_k.scann import ScaNN
from .layers.factorized_top_k.top_k import TopK
from .searcher import Searcher


def export(layer_or_searcher: Any, path: str | os.PathLike[str]) -> None:
    """Writes a SavedModel ready for a model server.

    Signatures:
      serving_default: `queries` -> `scores`, `identifiers`.
      query_with_exclusions: `queries`, `exclusions` [b, m] -> the same.

    Every input and output has the batch as dimension 0. A program that loads the model needs
    `import tensorflow_scann` (in C++: the op library) if it holds a ScaNN index.

    Args:
      layer_or_searcher: A TopK layer or a Searcher, with an index.
      path: The SavedModel's folder; any path that TensorFlow can write to.

    Raises:
      ValueError: it is neither, or has no index; or its query model was never called.
    """
    if isinstance(layer_or_searcher, Searcher):
        layer = ScaNN(k=layer_or_searcher.info().k)
        layer.searcher = layer_or_searcher
    elif isinstance(layer_or_searcher, TopK):
        layer = layer_or_searcher
    else:
        raise ValueError(
            f"layer_or_searcher is a {type(layer_or_searcher).__name__}, but must be a TopK "
            "layer or a Searcher"
        )
    tf.saved_model.save(layer, os.fspath(path), signatures=serving_functions(layer))
