"""TopK: what all retrieval layers have in common."""

import abc
import types
from typing import Any

import numpy as np
import tensorflow as tf

from ...config import check_integer
from .results import Results
from .saving import saved_model_functions

keras = tf.keras

_LEGACY = not hasattr(keras, "version") or keras.version().startswith("2.")


def register(layer_class: type) -> type:
    """Lets Keras 3 find a layer of a `.keras` file by its name.

    tf-keras finds it without. It would also make a layer of a SavedModel anew from its config, and
    with it lose the index; without registration it takes the SavedModel's own functions.
    """
    if _LEGACY:
        return layer_class
    registered: type = keras.utils.register_keras_serializable(package="tensorflow_scann")(
        layer_class
    )
    return registered


class TopK(keras.Model, abc.ABC):  # type: ignore[misc,name-defined]
    """Finds the best k candidates for queries. Abstract.

    The interface of `tfrs.layers.factorized_top_k.TopK`.
    """

    def __init__(self, k: int, name: str | None = None, query_model: Any = None) -> None:
        """Makes a layer without candidates.

        Args:
          k: Results a query, unless a call says otherwise.
          name: Of the layer.
          query_model: A Keras model or callable that maps raw queries to embeddings [b, d]. `None`:
            queries are embeddings.

        Raises:
          ValueError: k is no positive integer.
        """
        check_integer("k", k, 1)
        # Whatever the policy of the query model, embeddings are searched as float32.
        super().__init__(name=name, dtype="float32")
        self.supports_jit = False  # XLA has none of our ops, and no datasets
        self.query_model = query_model
        self._k = int(k)
        # What queries look like, once there was one; whether Keras saw a call. In namespaces: Keras
        # does not look there.
        self._query_spec = types.SimpleNamespace(value=None)
        self._seen_by_keras = types.SimpleNamespace(value=False)
        # There is nothing to build: variables come with the candidates. Keras 3 would call the
        # layer with made-up queries.
        self.built = True

    @abc.abstractmethod
    def index(self, candidates: Any, identifiers: Any = None) -> "TopK":
        """Builds the index, in place of the one that there was.

        Args:
          candidates: Float [n, d] array, tensor or variable.
          identifiers: [n] of int32, int64, string, float32 or float64. `None`: row numbers, int32.

        Returns:
          self.

        Raises:
          ValueError: for a wrong rank, dtype or number of rows, empty candidates, or a NaN or
            infinite candidate, whose row is named.
        """

    @abc.abstractmethod
    def index_from_dataset(self, candidates: tf.data.Dataset) -> "TopK":
        """Builds the index from a dataset of batches of candidates or (identifiers, candidates).

        Raises:
          ValueError: as `index`.
        """

    @abc.abstractmethod
    def is_exact(self) -> bool:
        """True if every candidate is scored exactly for every query."""

    def __call__(self, *args: Any, **kwargs: Any) -> Results:
        """See `call`."""
        # Keras takes several times as long as the search of one query. It is asked the first time,
        # and whenever a call is not a plain one with float32 values, which Keras would not cast.
        if (
            self._seen_by_keras.value
            and tf.executing_eagerly()
            and 1 <= len(args) <= 2
            and _is_float32(args[0])
            and kwargs.keys() <= {"k"}
        ):
            return self.call(*args, **kwargs)
        results: Results = super().__call__(*args, **kwargs)
        self._seen_by_keras.value = True
        return results

    def build(self, input_shape: Any = None) -> None:
        """Does nothing: see __init__."""

    def call(self, queries: Any, k: Any = None) -> Results:
        """Finds the best candidates for each query.

        Args:
          queries: What `query_model` takes; or embeddings, [b, d] or [d].
          k: Results a query: int or scalar int32 tensor. `None`: that of the layer.

        Returns:
          scores: float32 [b, k] or [k], best first.
          identifiers: [b, k] or [k]. Missing places, where there are fewer than k candidates or the
            query has a NaN or infinity, hold the worst score (-inf; inf for squared_l2) and -1, ""
            or NaN.

        Raises:
          ValueError: before `index`.
        """
        return self._find(self._embed(queries), self._choose_k(k), None)

    def query_with_exclusions(self, queries: Any, exclusions: Any, k: Any = None) -> Results:
        """Finds the best candidates for each query that it does not exclude.

        Args:
          queries: As for `call`.
          exclusions: Identifiers that must not be returned, [b, m] (or [m] for one query of rank 1)
            or a RaggedTensor of b rows; of the identifiers' dtype.
          k: As for `call`.

        Returns:
          As `call`: k results wherever k candidates are not excluded.

        Raises:
          ValueError: before `index`, or for exclusions of the wrong dtype or rank.
        """
        return self._find(self._embed(queries), self._choose_k(k), exclusions)

    @abc.abstractmethod
    def _find(self, queries: tf.Tensor, k: Any, exclusions: Any, **effort: Any) -> Results:
        """The results for embeddings of rank 1 or 2; `effort`: see _effort_names."""

    # What a search may be told besides, by name: scalars, 0 for what the index was built with.
    _effort_names: tuple[str, ...] = ()

    @abc.abstractmethod
    def _identifier_dtype(self) -> tf.DType:
        """The dtype of the identifiers. ValueError before `index`."""

    @abc.abstractmethod
    def _dimensions(self) -> int:
        """Of an embedding. ValueError before `index`."""

    @property
    def k(self) -> int:
        """Results a query, unless a call says otherwise."""
        return self._k

    def _choose_k(self, k: Any) -> Any:
        if k is None:
            return self._k
        if not isinstance(k, (tf.Tensor, tf.Variable)):
            check_integer("k", k, 1)
        return k

    def _embed(self, queries: Any) -> tf.Tensor:
        if self.query_model is None:
            queries = tf.convert_to_tensor(queries)
            if not queries.dtype.is_floating:
                raise ValueError(f"queries have dtype {queries.dtype.name}, but must be floats")
            queries = tf.cast(queries, tf.float32)
        else:
            if isinstance(queries, (list, tuple)) and not any(map(_is_input, queries)):
                queries = tf.convert_to_tensor(queries)
            queries = tf.nest.map_structure(_as_input, queries)
            self._query_spec.value = tf.nest.map_structure(_batch_spec, queries)
            queries = tf.cast(self.query_model(queries), tf.float32)
        if queries.shape.rank not in (1, 2):
            raise ValueError(f"queries have shape {queries.shape}, but must have rank 1 or 2")
        return queries

    def __repr__(self) -> str:
        try:
            of = f"candidates of {self._dimensions()} dimensions"
        except ValueError:
            of = "no candidates yet"
        return f"<{type(self).__name__} {self.name!r}, k={self._k}, {of}>"

    # Saving.

    def query_spec(self) -> Any:
        """The TensorSpec, or structure of TensorSpecs, of a batch of queries.

        Raises:
          ValueError: before `index`; or with a query model that was never called.
        """
        if self.query_model is None:
            return tf.TensorSpec([None, self._dimensions()], tf.float32, name="queries")
        if self._query_spec.value is not None:
            return self._query_spec.value
        raise ValueError(
            f"call {self.name!r} with a query before saving it: what its query model takes is not "
            "known yet"
        )

    def take_query_spec(self, other: "TopK") -> None:
        """Takes over what another layer, of the same query model, knows about its queries."""
        self._query_spec.value = other._query_spec.value
        if _LEGACY:
            # tf-keras saves a model only if it was called, or knows this.
            for name in ("_saved_model_inputs_spec", "_saved_model_arg_spec"):
                setattr(self, name, getattr(other, name))

    def export(self, filepath: Any, **unused_options: Any) -> None:
        """Writes a SavedModel for a model server: the same as `tensorflow_scann.export`."""
        from ...exporting import export

        export(self, filepath)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the query model serialized."""
        config: dict[str, Any] = {"name": self.name, "k": self._k}
        if self.query_model is not None:
            config["query_model"] = keras.utils.serialize_keras_object(self.query_model)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "TopK":
        """The layer that `get_config` came from, without its index."""
        config = dict(config)
        if config.get("query_model") is not None:
            config["query_model"] = keras.utils.deserialize_keras_object(
                config["query_model"], custom_objects=custom_objects
            )
        return cls(**config)

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        if save_type == "savedmodel" and _LEGACY and self.query_model is None:
            # tf-keras saves a model only if it was called, if possible with a query like these.
            with tf.init_scope():
                self(tf.zeros([1, self._dimensions()]))
        query_spec = self._query_spec.value
        children = dict(super()._trackable_children(save_type, **kwargs))
        self._query_spec.value = query_spec  # Keras may have called the layer with made-up queries
        if save_type == "savedmodel":
            children.update(saved_model_functions(self))
        return children


def _is_float32(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        # Not by tf.float32, to which NumPy takes microseconds to compare.
        return bool(value.dtype == np.float32)
    return isinstance(value, tf.Tensor) and value.dtype is tf.float32


def _is_input(value: Any) -> bool:
    """True for an input of a model with several, False for an element of a list of queries."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and len(value.shape) > 0


def _as_input(value: Any) -> Any:
    """A tensor; ragged and sparse ones stay what they are."""
    is_composite = isinstance(value, (tf.RaggedTensor, tf.SparseTensor))
    return value if is_composite else tf.convert_to_tensor(value)


def _batch_spec(value: Any) -> Any:
    """What values like this one have in common, whatever the size of their batch."""
    if isinstance(value, tf.RaggedTensor):
        shape = [None, *value.shape[1:]]
        return tf.RaggedTensorSpec(shape, value.dtype, value.ragged_rank)
    if isinstance(value, tf.SparseTensor):
        return tf.SparseTensorSpec([None, *value.shape[1:]], value.dtype)
    return tf.TensorSpec([None, *value.shape[1:]], value.dtype)
