"""CandidateStore: candidates and identifiers as variables, for search in TensorFlow ops alone."""

import os
import weakref
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.trackable import base as trackable

_FILE_NAME = "candidates.npz"


class CandidateStore(tf.Module):  # type: ignore[misc]
    """Candidates [n, d], identifiers [n] and how many rows share an identifier at most.

    In a SavedModel these are variables. In a checkpoint they are two tensors, so that a store
    without candidates can be restored, whatever the identifiers' dtype.
    """

    def __init__(self) -> None:
        super().__init__()
        self.candidates: tf.Variable | None = None
        self.identifiers: tf.Variable | None = None
        self.copies: tf.Variable | None = None
        self.dimensions = 0
        self._state = _State(self)

    def assign(self, candidates: np.ndarray, identifiers: np.ndarray) -> None:
        """Takes validated candidates and identifiers."""
        _, counts = np.unique(identifiers, return_counts=True)
        names = tf.convert_to_tensor(identifiers)
        self.dimensions = candidates.shape[1]
        if self.identifiers is None or self.identifiers.dtype != names.dtype:
            self.candidates = _variable(candidates, [None, None])
            self.identifiers = _variable(names, [None])
            self.copies = _variable(np.int32(counts.max()), [])
        else:
            # Functions that were traced before see the new values.
            assert self.candidates is not None
            assert self.copies is not None
            self.candidates.assign(candidates)
            self.identifiers.assign(names)
            self.copies.assign(np.int32(counts.max()))

    def save(self, folder: str) -> None:
        """Writes a file for `load`."""
        if self.candidates is None or self.identifiers is None:
            return
        names = tf.io.serialize_tensor(self.identifiers.read_value()).numpy()
        np.savez(
            os.path.join(folder, _FILE_NAME),
            candidates=self.candidates.numpy(),
            identifiers=np.frombuffer(names, np.uint8),
        )

    def load(self, folder: str) -> None:
        """Reads what `save` wrote, if it did."""
        path = os.path.join(folder, _FILE_NAME)
        if not tf.io.gfile.exists(path):
            return
        with np.load(path) as arrays:
            self.assign_serialized(arrays["candidates"], arrays["identifiers"].tobytes())

    def assign_serialized(self, candidates: np.ndarray, serialized: bytes) -> None:
        """Takes candidates and identifiers that were serialized by `tf.io.serialize_tensor`."""
        proto = tf.make_tensor_proto(0).FromString(serialized)
        self.assign(candidates, tf.make_ndarray(proto))

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        if save_type == "checkpoint":
            return {"state": self._state}
        children = dict(super()._trackable_children(save_type, **kwargs))
        children.pop("_state")
        return children

    def _lookup_dependency(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self._state if name == "state" else super()._lookup_dependency(name, *args, **kwargs)


class _State(trackable.Trackable):  # type: ignore[misc]
    """A store as a checkpoint holds it."""

    def __init__(self, store: CandidateStore) -> None:
        self._store = weakref.ref(store)

    def _serialize_to_tensors(self) -> dict[str, tf.Tensor]:
        store = self._store()
        assert store is not None
        if store.candidates is None or store.identifiers is None:
            return {"candidates": tf.zeros([0, 0]), "identifiers": tf.constant("")}
        return {
            "candidates": store.candidates.read_value(),
            "identifiers": tf.io.serialize_tensor(store.identifiers.read_value()),
        }

    def _restore_from_tensors(self, restored_tensors: dict[str, tf.Tensor]) -> None:
        store = self._store()
        assert store is not None
        serialized = restored_tensors["identifiers"]
        if tf.executing_eagerly() and serialized.numpy() != b"":
            store.assign_serialized(restored_tensors["candidates"].numpy(), serialized.numpy())


def _variable(value: Any, shape: list[int | None]) -> tf.Variable:
    return tf.Variable(value, trainable=False, shape=tf.TensorShape(shape), validate_shape=False)
