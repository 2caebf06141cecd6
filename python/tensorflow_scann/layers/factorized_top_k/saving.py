"""The functions of a retrieval layer that a SavedModel keeps."""

import logging
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from .top_k import TopK

_logger = logging.getLogger(__name__)

_K = tf.TensorSpec([], tf.int32, name="k")


def serving_functions(layer: "TopK") -> dict[str, Any]:
    """Signatures for a model server, by name.

    Every input and output of the first two has the batch as its dimension 0, so that a server may
    batch requests. Queries that are a dictionary of tensors are inputs by its keys.
    """
    queries = _named(layer.query_spec())
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


def _named(spec: Any) -> Any:
    """A dictionary of dense tensors with its keys as the tensors' names; anything else as it is."""
    if isinstance(spec, dict) and all(isinstance(part, tf.TensorSpec) for part in spec.values()):
        return {key: tf.TensorSpec(part.shape, part.dtype, name=key) for key, part in spec.items()}
    return spec


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
    return {
        "__call__": _callable(layer, queries),
        "query_with_exclusions": _callable_with_exclusions(layer, queries),
        "_default_save_signature": serving_functions(layer)["serving_default"],
    }
