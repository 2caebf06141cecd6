"""Writing SavedModels for model servers."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from . import _engine
from .config import EXPORT_OPS
from .layers.factorized_top_k.leaf_search import ExactSearch, LeafSearch
from .layers.factorized_top_k.results import missing_identifier
from .layers.factorized_top_k.saving import named_spec, serving_functions
from .layers.factorized_top_k.scann import ScaNN
from .layers.factorized_top_k.top_k import TopK
from .searcher import ASSET_PREFIX, Searcher
from .warmup import MOST_WARMUP_REQUESTS, Request, write_warmup_requests

_SAVED_MODEL = "saved_model.pb"


def export(
    layer_or_searcher: Any,
    path: str | os.PathLike[str],
    *,
    ops: str = "scann",
    warmup_queries: Any = None,
) -> None:
    """Writes a SavedModel ready for a model server.

    Signatures, each giving `scores` and `identifiers`, [b, k]:
      serving_default: `queries`.
      query_with_exclusions: `queries`, `exclusions` [b, m].
      query_with_parameters: `queries`, `k`, and for an index of ScaNN `num_leaves_to_search` and
        `num_reordering_candidates`: int32 scalars, of which the last two may be 0 for what the
        index was built with.

    In the first two every input and output has the batch as dimension 0, so that a server may batch
    requests; scalars cannot be batched.

    Args:
      layer_or_searcher: A TopK layer or a Searcher, with an index.
      path: The SavedModel's folder; any path that TensorFlow can write to. A new folder of a local
        file system appears when it is complete, so that it may be what a server watches. What is
        written over another SavedModel, or to a remote file system, is complete when this returns.
      ops: "scann": an index of ScaNN is searched by the ops of this package, which the program that
        loads the model needs (in Python: `import tensorflow_scann`). "tensorflow": in TensorFlow's
        own ops, for a program that has no others. The same leaves are searched, but every candidate
        in them is scored exactly (`num_reordering_candidates` is of no use), which takes many times
        longer. Layers that are exact use TensorFlow's own ops always.
      warmup_queries: A batch of queries, such as requests will bring. With them the SavedModel gets
        a request of every query, one at a time, for each of the first two signatures; TensorFlow
        Serving replays them before it makes the model available. At most 500 queries, because it
        replays at most 1,000 requests; eight are enough. `None`: no such requests.

    Raises:
      ValueError: it is neither, or has no index; or its query model was never called, or takes an
        input by the name of another one; or ops is another.
      FileExistsError: another export wrote to the same new path meanwhile.
    """
    if ops not in EXPORT_OPS:
        raise ValueError(f"ops is {ops!r}, but must be one of {', '.join(map(repr, EXPORT_OPS))}")
    if isinstance(layer_or_searcher, Searcher):
        layer: TopK = ScaNN(k=layer_or_searcher.info().k)
        layer.searcher = layer_or_searcher
    elif isinstance(layer_or_searcher, TopK):
        layer = layer_or_searcher
    else:
        raise ValueError(
            f"layer_or_searcher is a {type(layer_or_searcher).__name__}, but must be a TopK "
            "layer or a Searcher"
        )
    if ops == "tensorflow" and isinstance(layer, ScaNN):
        layer = _in_core_ops(layer)
    requests = [] if warmup_queries is None else _warmup_requests(layer, warmup_queries)
    signatures = serving_functions(layer)
    with _complete_folder(os.fspath(path)) as folder:
        tf.saved_model.save(layer, folder, signatures=signatures)
        write_warmup_requests(folder, requests)
        _remove_stale_assets(folder)


@contextlib.contextmanager
def _complete_folder(path: str) -> Iterator[str]:
    """Where to write a SavedModel so that what is seen at `path` is complete.

    A new local folder is written in a hidden one beside it and then renamed. One that exists
    already, or is on a remote file system, where renaming copies, is written in its place.

    Raises:
      FileExistsError: somebody else wrote to `path` meanwhile.
    """
    local = path.removeprefix("file://").rstrip("/")
    parent, name = os.path.split(local)
    if "://" in local or name in ("", ".", "..") or os.path.lexists(local):
        yield path
        return
    # Wherever the process goes meanwhile.
    parent = os.path.realpath(parent)
    target = os.path.join(parent, name)
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tensorflow_scann_", dir=parent) as temporary:
        folder = os.path.join(temporary, name)
        yield folder
        try:
            os.rename(folder, target)
        except OSError as error:
            if os.path.lexists(target):
                raise FileExistsError(f"{target} was written by another export") from error
            # Mounted buckets cannot rename folders. What makes it a SavedModel comes last.
            shutil.copytree(folder, target, ignore=shutil.ignore_patterns(_SAVED_MODEL))
            shutil.copy2(os.path.join(folder, _SAVED_MODEL), target)


def _in_core_ops(layer: ScaNN) -> TopK:
    """A layer that searches the same index without our ops."""
    info = layer.searcher.info()
    with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
        file = os.path.join(folder, "index")
        layer.searcher.save(file)
        if not info.is_exact:
            found: TopK = LeafSearch(file, info, layer.query_model, layer.k)
        else:
            index = _engine.Index.open(file).candidates()
            found = ExactSearch(layer.query_model, layer.k, distance_measure=info.distance_measure)
            found.index(index["rows"], index["identifiers"])
    found.take_query_spec(layer)
    return found


def _warmup_requests(layer: TopK, queries: Any) -> list[Request]:
    """A request of each query for each signature that a server may batch.

    One query a request, because a server with batching refuses larger ones than its batches.

    Raises:
      ValueError: the queries are not what the layer takes, or none or too many.
    """
    spec = layer.query_spec()
    has_names = named_spec(spec) is not spec  # of its own, in the signatures
    if not (isinstance(spec, tf.TensorSpec) or has_names):
        raise ValueError(
            "warmup_queries need a query model that takes a dense tensor, or a dictionary of them "
            f"by names that an operation can have; this one takes {spec}"
        )
    try:
        tensors = tf.nest.map_structure(
            lambda part, value: tf.convert_to_tensor(value, part.dtype), spec, queries
        )
        rows = {int(tensor.shape[0]) for tensor in tf.nest.flatten(tensors)}
        compatible = all(
            part.is_compatible_with(tensor)
            for part, tensor in zip(tf.nest.flatten(spec), tf.nest.flatten(tensors), strict=True)
        )
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"warmup_queries must be a batch of {spec}: {error}") from None
    if len(rows) != 1 or not compatible:
        raise ValueError(f"warmup_queries must be a batch of {spec}")
    count = rows.pop()
    if not 1 <= 2 * count <= MOST_WARMUP_REQUESTS:
        raise ValueError(
            f"warmup_queries are {count}, but must be 1 to {MOST_WARMUP_REQUESTS // 2}: a server "
            "replays each of them for two signatures"
        )
    # As the signatures name them.
    named = tensors if isinstance(tensors, dict) else {"queries": tensors}
    dtype = layer._identifier_dtype()
    exclusions = tf.fill([1, 1], tf.constant(missing_identifier(dtype), dtype))
    requests: list[Request] = []
    for row in range(count):
        inputs = {name: tensor[row : row + 1] for name, tensor in named.items()}
        requests.append(("serving_default", inputs))
        requests.append(("query_with_exclusions", {**inputs, "exclusions": exclusions}))
    return requests


def saved_model_assets(path: str | os.PathLike[str]) -> list[str]:
    """The paths of the asset files that a SavedModel uses; none if it is no SavedModel."""
    proto = saved_model_pb2.SavedModel()
    try:
        with tf.io.gfile.GFile(os.path.join(path, _SAVED_MODEL), "rb") as file:
            proto.ParseFromString(file.read())
    except (tf.errors.OpError, DecodeError):
        return []
    names = {asset.filename for graph in proto.meta_graphs for asset in graph.asset_file_def}
    return [os.path.join(path, "assets", name) for name in sorted(names)]


def _remove_stale_assets(path: str) -> None:
    """Removes the indexes of what was at `path` before. Who has them mapped keeps them."""
    used = saved_model_assets(path)
    folder = os.path.join(path, "assets")
    for name in tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else ():
        file = os.path.join(folder, name)
        if name.startswith(ASSET_PREFIX) and file not in used:
            tf.io.gfile.remove(file)
