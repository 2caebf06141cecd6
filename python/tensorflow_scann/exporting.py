"""Writing SavedModels for model servers."""

import os
import pathlib
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from .layers.factorized_top_k.saving import serving_functions
from .layers.factorized_top_k.scann import ScaNN
from .layers.factorized_top_k.top_k import TopK
from .searcher import ASSET_PREFIX, Searcher


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
    _remove_stale_assets(pathlib.Path(path))


def saved_model_assets(path: pathlib.Path) -> list[pathlib.Path]:
    """The asset files that a local SavedModel uses; none if it is no SavedModel."""
    proto = saved_model_pb2.SavedModel()
    try:
        proto.ParseFromString((path / "saved_model.pb").read_bytes())
    except (OSError, DecodeError):
        return []
    names = {asset.filename for graph in proto.meta_graphs for asset in graph.asset_file_def}
    return [path / "assets" / name for name in sorted(names)]


def _remove_stale_assets(path: pathlib.Path) -> None:
    """Removes the indexes of what was at `path` before. Who has them mapped keeps them."""
    used = saved_model_assets(path)
    for file in (path / "assets").glob(ASSET_PREFIX + "*") if used else ():
        if file not in used:
            file.unlink()
