"""Searcher: an index as a TensorFlow resource that models can hold, search and save."""

import logging
import os
import shutil
import tempfile
import time
import uuid
import weakref
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager.context import is_async
from tensorflow.python.trackable import base as trackable

from . import _engine, _ops
from .building import build_index_file, count_hits, to_queries
from .config import IndexConfig, check_integer
from .info import IndexInfo
from .progress import ProgressCallback

_logger = logging.getLogger(__name__)

# How the names of assets in SavedModels begin.
ASSET_PREFIX = "scann_index_"
# The name of the index in `.keras` files.
_KERAS_ASSET = "scann_index"


def _new_file() -> tuple[str, str]:
    """A new temporary folder, and the path of an index file to be in it.

    No two files have the same name: TensorFlow overwrites assets in place, and a process may have
    the one of an earlier save mapped.
    """
    folder = tempfile.mkdtemp(prefix="tensorflow_scann_")
    return folder, os.path.join(folder, ASSET_PREFIX + uuid.uuid4().hex)


class _IndexBytes(trackable.Trackable):  # type: ignore[misc]
    """The index as a checkpoint holds it: the bytes of its file.

    A child of the searcher in checkpoints only; in a SavedModel the index is an asset.
    """

    def __init__(self, searcher: "Searcher") -> None:
        self._searcher = weakref.ref(searcher)

    def _serialize_to_tensors(self) -> dict[str, tf.Tensor]:
        searcher = self._searcher()
        assert searcher is not None
        return {"bytes": _ops.scann_serialize(searcher.resource_handle)}

    def _restore_from_tensors(self, restored_tensors: dict[str, tf.Tensor]) -> None:
        searcher = self._searcher()
        assert searcher is not None
        _ops.scann_restore(searcher.resource_handle, restored_tensors["bytes"])
        if tf.executing_eagerly() and len(restored_tensors["bytes"]) > 0:
            searcher._keep_file()


class Searcher(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
    """Owns one searcher resource: an index that can be searched eagerly and in graphs.

    A tf trackable: as an attribute of a module, layer or model it is saved with it, the whole index
    included, by `tf.saved_model.save` and `tf.train.Checkpoint`. The resource is freed with the
    object.

    Make one with `Searcher.build` or `Searcher.load`. `Searcher()` has no index yet: it waits for
    a checkpoint.

    Examples:
      >>> candidates = np.eye(4, dtype=np.float32)
      >>> searcher = Searcher.build(candidates, np.array(["a", "b", "c", "d"]))
      >>> scores, identifiers = searcher.search(candidates[2], k=1)
      >>> identifiers.numpy()
      array([b'c'], dtype=object)
    """

    def __init__(self) -> None:
        super().__init__(device="CPU")
        # Searchers of one name in one eager context would be the same resource.
        self._shared_name = f"scann_searcher_{uuid.uuid4().hex}"
        self._info: IndexInfo | None = None
        self._asset: tf.saved_model.Asset | None = None
        self._remove_folder: weakref.finalize[..., Any] | None = None
        self._no_exclusions: tuple[tf.Tensor, tf.Tensor]
        self._default_scalars: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
        self._index_bytes = self._track_trackable(_IndexBytes(self), "index_bytes")
        # Made once: an eager search should be one op call.
        self._scalars: dict[int, tf.Tensor] = {}

    @classmethod
    def build(
        cls,
        candidates: Any,
        identifiers: Any = None,
        *,
        config: IndexConfig | None = None,
        progress: ProgressCallback | bool | None = None,
        tuning_queries: Any = None,
    ) -> "Searcher":
        """Builds an index.

        Args:
          candidates: Float [n, d] array or tensor, n >= 1; or a `tf.data.Dataset` of such batches,
            or of `(identifiers, candidates)` batches, which need never all be in memory.
          identifiers: [n] of int32, int64, string, float32 or float64. `None`: row numbers, int32.
          config: Parameters; default `IndexConfig()`.
          progress: `None`: a bar on an interactive terminal. `False`: none. Or a callable
            `(stage, done, total)`.
          tuning_queries: Float [b, d], such as searches will bring: the build measures with (up to
            2,048 of) them how much of the index a search must look at to reach
            `config.target_recall`. If lengths differ under dot_product, the others teach it in
            which leaves neighbours are. `None`: with candidates in their place, which those of a
            two-tower model do not resemble.

        Returns:
          A searcher.

        Raises:
          ValueError: for a wrong rank, dtype or number of rows, empty candidates, or a NaN or
            infinite candidate, whose row is named.
        """
        searcher = cls()
        searcher.rebuild(
            candidates,
            identifiers,
            config=config,
            progress=progress,
            tuning_queries=tuning_queries,
        )
        return searcher

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Searcher":
        """Opens an index file.

        Args:
          path: Any path that TensorFlow can open. A local file is mapped, not copied; it must not
            be changed in place while the searcher lives (replacing it by renaming is fine).

        Raises:
          tf.errors.NotFoundError: there is no such file.
          tf.errors.DataLossError: the file is damaged or no index; the message names the section.
          tf.errors.UnimplementedError: a later version wrote it; the message names both versions.
        """
        searcher = cls()
        _ops.scann_load(searcher.resource_handle, os.fspath(path))
        searcher._adopt(os.fspath(path), None)
        _logger.info("Loaded %s: %s", os.fspath(path), searcher.info().summary())
        return searcher

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the index file to any path that TensorFlow can write to, all or nothing.

        Raises:
          ValueError: there is no index.
        """
        self._require_index()
        _ops.scann_save(self.resource_handle, os.fspath(path))

    def search(
        self,
        queries: Any,
        k: Any = None,
        *,
        num_leaves_to_search: Any = None,
        num_reordering_candidates: Any = None,
        exclusions: Any = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the best candidates for each query. One op call when executing eagerly.

        Args:
          queries: Float [b, d], or [d] for one query.
          k: Results a query: a Python int or a scalar int32 tensor. `None`: the k that the index
            was built for.
          num_leaves_to_search: Partitions to search for the average query: int or scalar int32
            tensor. Queries that the build found to be harder get more, easier ones fewer; as many
            as there are: all, for every query. `None`: what the build chose. More find more of the
            true results, and take longer.
          num_reordering_candidates: Candidates to score exactly: int or scalar int32 tensor.
            `None`: what the build chose, and in proportion more for a k larger than the build's.
          exclusions: Identifiers that must not be returned: [b, m], or [m] for one query, or a
            RaggedTensor of b rows; of the identifiers' dtype.

        Returns:
          scores: float32 [b, k] or [k], best first: dot product, cosine, or squared Euclidean
            distance.
          identifiers: [b, k] or [k]. Where there are fewer than k results, and for a query with a
            NaN or infinity, the score is -inf (inf for a distance), the identifier -1, "" or NaN.

        Raises:
          ValueError: there is no index; or a parameter has the wrong rank or range.
          tf.errors.InvalidArgumentError: queries of the wrong width.
        """
        # An eager call takes some 20 us more than the search itself; each TensorFlow function that
        # is called here, even a trivial one, would add 3 to 10.
        info = self._require_index()
        eager = tf.executing_eagerly()
        if eager and isinstance(queries, np.ndarray) and queries.dtype == np.float32:
            rank = queries.ndim
            queries = _borrow(queries)
        else:
            if not isinstance(queries, tf.Tensor):
                queries = tf.convert_to_tensor(queries)
            if queries.dtype is not tf.float32:
                if not queries.dtype.is_floating:
                    raise ValueError(f"queries have dtype {queries.dtype.name}, but must be floats")
                queries = tf.cast(queries, tf.float32)
            rank = queries.shape.rank
        if rank not in (1, 2):
            raise ValueError(f"queries have shape {queries.shape}, but must have rank 1 or 2")
        if exclusions is None:
            values, row_splits = self._no_exclusions if eager else self._make_no_exclusions()
        else:
            values, row_splits = _values_and_row_splits(
                exclusion_tensor(exclusions, rank, self.identifier_dtype)
            )
        if eager and k is num_leaves_to_search is num_reordering_candidates is None:
            scalars = self._default_scalars
        else:
            scalars = (
                self._scalar("k", info.k if k is None else k, eager),
                self._effort("num_leaves_to_search", num_leaves_to_search, eager),
                self._effort("num_reordering_candidates", num_reordering_candidates, eager),
            )
        common = (self.resource_handle, queries, *scalars, values)
        if rank == 1:
            scores, identifiers = _ops.scann_search(*common)
        else:
            scores, identifiers = _ops.scann_search_batched(*common, row_splits, self.parallelize)
        return scores, identifiers

    # Whether a batch is spread over TensorFlow's threads.
    parallelize = True

    def info(self) -> IndexInfo:
        """What the index is.

        Raises:
          ValueError: there is no index.
        """
        return self._require_index()

    def recall(
        self,
        queries: Any,
        k: int | None = None,
        *,
        num_leaves_to_search: int | None = None,
        num_reordering_candidates: int | None = None,
    ) -> float:
        """Measures recall@k: the part of the true k best candidates that a search finds.

        `info().measured_recall` is what the build measured, from candidates in place of queries
        unless it had some; this is the figure for queries of your own.

        Args:
          queries: Float [b, d], b >= 1. Every candidate is scored for each: a thousand queries take
            a second or so for each million candidates of 100 dimensions, on two cores.
          k: Results a query. `None`: the k that the index was built for.
          num_leaves_to_search: As for `search`.
          num_reordering_candidates: As for `search`.

        Returns:
          In [0, 1]: the mean over the queries.

        Raises:
          ValueError: there is no index, or it has int8 candidates only; or a parameter has the
            wrong rank, width or range.
        """
        info = self._require_index()
        k = info.k if k is None else k
        check_integer("k", k, 1)
        vectors = to_queries(queries)
        k = min(k, info.num_candidates)
        threads = len(os.sched_getaffinity(0))
        with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
            path = os.path.join(folder, ASSET_PREFIX)
            self.save(path)
            index = _engine.Index.open(path)
            _, truth = index.search(vectors, k, threads=threads, exact=True)
            _, found = index.search(
                vectors, k, num_leaves_to_search, num_reordering_candidates, threads=threads
            )
        return float(count_hits(truth, found).sum()) / truth.size

    @property
    def identifier_dtype(self) -> tf.DType:
        """The type of the identifiers.

        Raises:
          ValueError: there is no index.
        """
        return tf.dtypes.as_dtype(self._require_index().identifiers)

    @property
    def has_index(self) -> bool:
        """False until an index was built, loaded or restored."""
        return self._info is not None

    def __repr__(self) -> str:
        if self._info is None:
            return "<Searcher without an index>"
        kind = "exact" if self._info.is_exact else f"{self._info.num_leaves} leaves"
        return (
            f"<Searcher of {self._info.num_candidates} candidates x {self._info.dimensions} "
            f"dimensions, {self._info.distance_measure}, {kind}>"
        )

    # Building and loading.

    def rebuild(
        self,
        candidates: Any,
        identifiers: Any = None,
        *,
        config: IndexConfig | None = None,
        progress: ProgressCallback | bool | None = None,
        tuning_queries: Any = None,
    ) -> None:
        """Builds an index in place of the one that there is; see `build`.

        If that fails the old index stays.
        """
        start = time.monotonic()
        folder, path = _new_file()
        try:
            build_index_file(
                path, candidates, identifiers, config or IndexConfig(), progress, tuning_queries
            )
            _ops.scann_load(self.resource_handle, path)
        except BaseException:
            shutil.rmtree(folder)
            raise
        self._adopt(path, folder)
        _logger.info("Built in %.1f s: %s", time.monotonic() - start, self.info().summary())

    def load_copy(self, path: str) -> None:
        """Loads an index file that will go away, in place of the index that there is."""
        folder, copy = _new_file()
        try:
            tf.io.gfile.copy(path, copy)
            _ops.scann_load(self.resource_handle, copy)
        except BaseException:
            shutil.rmtree(folder)
            raise
        self._adopt(copy, folder)

    def save_in(self, folder: str) -> None:
        """Writes the index, if there is one, for `load_from`: the assets of a `.keras` file."""
        if self.has_index:
            self.save(os.path.join(folder, _KERAS_ASSET))

    def load_from(self, folder: str) -> None:
        """Loads what `save_in` wrote to a folder that will go away, if it wrote."""
        path = os.path.join(folder, _KERAS_ASSET)
        if tf.io.gfile.exists(path):
            self.load_copy(path)

    def _keep_file(self) -> None:
        """Writes the index that the resource has to a file of this object's own."""
        folder, path = _new_file()
        try:
            _ops.scann_save(self.resource_handle, path)
        except BaseException:
            shutil.rmtree(folder)
            raise
        self._adopt(path, folder)

    def _adopt(self, path: str, folder: str | None) -> None:
        """Takes the file at `path`, which is loaded, as the asset of later SavedModels.

        `folder` is one that this object owns from now on.
        """
        self._info = IndexInfo.from_json(_ops.scann_info(self.resource_handle).numpy())
        self._no_exclusions = self._make_no_exclusions()
        self._default_scalars = (
            self._constant(self._info.k, True),
            self._constant(0, True),
            self._constant(0, True),
        )
        self._asset = tf.saved_model.Asset(path)
        self._track_trackable(self._asset, "index_file", overwrite=True)
        if self._remove_folder is not None:
            self._remove_folder()
        self._remove_folder = None
        if folder is not None:
            self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    # Arguments of search.

    def _require_index(self) -> IndexInfo:
        if self._info is None:
            raise ValueError("there is no index yet: build or load one before searching")
        return self._info

    def _scalar(self, name: str, value: Any, eager: bool) -> tf.Tensor:
        """A positive int32 scalar; eager constants are kept for the next call."""
        if isinstance(value, (tf.Tensor, tf.Variable)):
            return int32_tensor(name, value)
        check_integer(name, value, 1)
        return self._constant(int(value), eager)

    def _effort(self, name: str, value: Any, eager: bool) -> tf.Tensor:
        return self._constant(0, eager) if value is None else self._scalar(name, value, eager)

    def _constant(self, value: int, eager: bool) -> tf.Tensor:
        if not eager:
            return tf.constant(value, tf.int32)
        constant = self._scalars.get(value)
        if constant is None:
            if len(self._scalars) > 1000:
                self._scalars.clear()
            constant = self._scalars[value] = tf.constant(value, tf.int32)
        return constant

    def _make_no_exclusions(self) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.zeros([0], self.identifier_dtype), tf.zeros([0], tf.int64)

    # What TensorFlow asks of a trackable resource.

    def _create_resource(self) -> tf.Tensor:
        return _ops.scann_searcher(shared_name=self._shared_name)

    def _initialize(self) -> None:
        if self._asset is not None:
            _ops.scann_load(self.resource_handle, self._asset.asset_path)

    def _destroy_resource(self) -> None:
        # In a SavedModel this must do nothing: when a loaded model is saved again, TensorFlow calls
        # it on a copy of the live object.
        if tf.executing_eagerly():
            tf.raw_ops.DestroyResourceOp(resource=self.resource_handle, ignore_lookup_error=True)

    def _trackable_children(
        self, save_type: str = trackable.SaveType.CHECKPOINT, **kwargs: Any
    ) -> dict[str, Any]:
        children = dict(super()._trackable_children(save_type, **kwargs))
        if save_type == trackable.SaveType.SAVEDMODEL:
            children.pop("index_bytes")
            if self._info is not None and self._remove_folder is None:
                # The file that was loaded is the user's, who may have changed or removed it.
                with tf.init_scope():
                    self._keep_file()
                children["index_file"] = self._asset
        return children


def _borrow(array: np.ndarray) -> Any:
    """The array as a tensor of the same memory, for one call of an op of ours; or else itself.

    Ten times faster than to let TensorFlow copy it. Only ops that take memory of any alignment may
    see it. DLPack has no read-only arrays; and where ops run later than they are called, the array
    may have changed by then.
    """
    flags = array.flags
    if flags.c_contiguous and flags.writeable and array.size > 0 and not is_async():
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return array


def int32_tensor(name: str, value: tf.Tensor | tf.Variable) -> tf.Tensor:
    """An integer tensor as int32, which an int64 beyond its range does not wrap around in.

    Raises:
      ValueError: it is neither int32 nor int64.
    """
    if value.dtype == tf.int64:
        return tf.cast(tf.clip_by_value(value, -1, tf.int32.max), tf.int32)
    if value.dtype != tf.int32:
        raise ValueError(f"{name} has dtype {value.dtype.name}, but must be int32")
    return tf.convert_to_tensor(value)


def exclusion_tensor(exclusions: Any, rank: int, dtype: tf.DType) -> tf.Tensor | tf.RaggedTensor:
    """Exclusions as a tensor, for queries of rank `rank` and identifiers of `dtype`.

    Raises:
      ValueError: they have another rank or dtype.
    """
    if not isinstance(exclusions, (tf.Tensor, tf.RaggedTensor)):
        # Python values have no dtype of their own.
        wanted = None if hasattr(exclusions, "dtype") else dtype
        try:
            exclusions = tf.convert_to_tensor(exclusions, wanted)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"exclusions are no tensor of dtype {dtype.name}, that of the index's identifiers: "
                f"{error}"
            ) from None
    if exclusions.dtype != dtype:
        raise ValueError(
            f"exclusions have dtype {exclusions.dtype.name}, but the index has identifiers of "
            f"dtype {dtype.name}"
        )
    if exclusions.shape.rank != rank:
        raise ValueError(
            f"exclusions have shape {exclusions.shape}, but must have rank {rank}, as queries"
        )
    if isinstance(exclusions, tf.RaggedTensor) and exclusions.ragged_rank != 1:
        raise ValueError(f"exclusions have ragged rank {exclusions.ragged_rank}, but must have 1")
    return exclusions


def _values_and_row_splits(exclusions: tf.Tensor | tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Exclusions as the ops take them."""
    if isinstance(exclusions, tf.RaggedTensor):
        return exclusions.values, tf.cast(exclusions.row_splits, tf.int64)
    return exclusions, tf.zeros([0], tf.int64)
