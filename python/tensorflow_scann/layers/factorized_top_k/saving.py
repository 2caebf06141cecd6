"""The functions of a retrieval layer that a SavedModel keeps."""

import logging
import re
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from .top_k import TopK

_logger = logging.getLogger(__name__)

# Arguments of Searcher.search by these names say how thorough a search is.
EFFORT_NAMES = ("num_leaves_to_search", "num_reordering_candidates")

_K = tf.TensorSpec([], tf.int32, name="k")
_OPERATION_NAME = r"[A-Za-z0-9.][A-Za-z0-9_./>-]*"


def serving_functions(layer: "TopK") -> dict[str, Any]:
    """Signatures for a model server, by name.

    Every input and output of the first two has the batch as its dimension 0, so that a server may
    batch requests. Queries that are a dictionary of tensors are inputs by its keys.

    Raises:
      ValueError: a key is the name of another input.
    """
    queries = named_spec(layer.query_spec())
    exclusions = tf.TensorSpec([None, None], layer._identifier_dtype(), name="exclusions")

    @tf.function(input_signature=[queries], autograph=False)  # type: ignore[untyped-decorator]
    def serving_default(queries: Any) -> dict[str, tf.Tensor]:
        scores, identifiers = layer.call(queries)
        return {"scores": scores, "identifiers": identifiers}

    @tf.function(input_signature=[queries, exclusions], autograph=False)  # type: ignore[untyped-decorator]
    def query_with_exclusions(queries: Any, exclusions: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, identifiers = layer.query_with_exclusions(queries, exclusions)
        return {"scores": scores, "identifiers": identifiers}

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def query_with_parameters(queries: Any, k: tf.Tensor, **effort: tf.Tensor) -> Any:
        scores, identifiers = layer._find(layer._embed(queries), k, None, **effort)
        return {"scores": scores, "identifiers": identifiers}

    effort = {name: tf.TensorSpec([], tf.int32, name=name) for name in layer._effort_names}
    return {
        "serving_default": serving_default,
        "query_with_exclusions": query_with_exclusions,
        "query_with_parameters": query_with_parameters.get_concrete_function(queries, _K, **effort),
    }


def named_spec(spec: Any) -> Any:
    """A dictionary of dense tensors with its keys as the tensors' names.

    Anything else as it is, also if a key cannot be the name of an operation.

    Raises:
      ValueError: a key is the name of another input of a signature.
    """
    if not isinstance(spec, dict):
        return spec
    for name in ("exclusions", _K.name, *EFFORT_NAMES):
        if name in spec:
            raise ValueError(
                f"the query model takes {name!r}, which is the name of another input of the "
                "signatures; call it something else"
            )
    if not all(
        isinstance(part, tf.TensorSpec) and re.fullmatch(_OPERATION_NAME, str(key))
        for key, part in spec.items()
    ):
        return spec
    return {key: tf.TensorSpec(part.shape, part.dtype, name=key) for key, part in spec.items()}


def _callable(layer: "TopK", queries: Any) -> Any:
    """`layer(queries, k=None)` for a loaded model: batches and, if embeddings, one query."""
    function = tf.function(layer.call, autograph=False)
    specs = [queries]
    if layer.query_model is None:
        specs.append(tf.TensorSpec(queries.shape[1:], tf.float32, name="queries"))
    for spec in specs:
        function.get_concrete_function(spec)
        function.get_concrete_function(spec, k=_K)
    return function


def _callable_with_exclusions(layer: "TopK", queries: Any) -> Any:
    """`layer.query_with_exclusions(queries, exclusions, k=None)` for a loaded model."""
    function = tf.function(layer.query_with_exclusions, autograph=False)
    dtype = layer._identifier_dtype()
    for exclusions in (
        tf.TensorSpec([None, None], dtype, name="exclusions"),
        tf.RaggedTensorSpec([None, None], dtype, ragged_rank=1),
    ):
        function.get_concrete_function(queries, exclusions)
        function.get_concrete_function(queries, exclusions, k=_K)
    return function


def saved_model_functions(layer: "TopK") -> dict[str, Any]:
    """What a SavedModel of the layer offers besides its variables and resources."""
    try:
        queries = layer.query_spec()
    except ValueError as error:
        _logger.warning("The SavedModel will hold no functions of %s: %s", layer.name, error)
        return {}
    signatures = serving_functions(layer)
    return {
        "__call__": _callable(layer, queries),
        "query_with_exclusions": _callable_with_exclusions(layer, queries),
        "query_with_parameters": signatures["query_with_parameters"],
        "_default_save_signature": signatures["serving_default"],
    }
