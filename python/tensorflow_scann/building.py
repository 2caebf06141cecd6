"""From candidates, in any of the forms that a caller has them in, to an index file."""

import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from . import _engine
from .config import IndexConfig
from .progress import ProgressBar, ProgressCallback, choose_progress

IDENTIFIER_DTYPES = (tf.int32, tf.int64, tf.string, tf.float32, tf.float64)

Batch = tuple[Any, np.ndarray]  # identifiers or None, candidates


def to_candidates(candidates: Any) -> np.ndarray:
    """Candidates as a float32 array.

    Raises:
      ValueError: unless they are a non-empty array of floats of rank 2.
    """
    try:
        array = np.asarray(candidates)
    except ValueError as error:
        raise ValueError(f"candidates must be an array of rank 2: {error}") from None
    if array.dtype != np.float32:
        if not (
            np.issubdtype(array.dtype, np.floating) or array.dtype == tf.bfloat16.as_numpy_dtype
        ):
            raise ValueError(f"candidates have dtype {array.dtype}, but must be floats")
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if array.ndim != 2:
        raise ValueError(f"candidates have shape {array.shape}, but must have rank 2: [n, d]")
    if array.shape[1] == 0:
        raise ValueError(f"candidates have shape {array.shape}, but must have 1 dimension or more")
    return array


def to_queries(queries: Any, name: str = "queries") -> np.ndarray:
    """Queries whose answers will be measured, as a float32 array.

    Raises:
      ValueError: unless they are a non-empty array of rank 2 of finite values.
    """
    try:
        array = np.asarray(queries)
        if np.iscomplexobj(array):
            raise ValueError("they are complex")
        array = np.asarray(array, dtype=np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be floats of rank 2: {error}") from None
    if array.ndim != 2 or len(array) == 0:
        raise ValueError(f"{name} have shape {array.shape}, but must be [b, d], b >= 1")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} have a NaN or infinite value")
    return array


def count_hits(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """How many of the true rows [b, k] of each query are among those found, [b]."""
    return np.array([len(np.intersect1d(*rows)) for rows in zip(truth, found, strict=True)])


def to_identifiers(identifiers: Any, count: int) -> np.ndarray:
    """Identifiers as an array: int32, int64, float32, float64, or object (of bytes) for strings.

    Raises:
      ValueError: for another dtype or rank, another number than `count`, or NaN.
    """
    tensor = tf.convert_to_tensor(identifiers)
    if tensor.dtype not in IDENTIFIER_DTYPES:
        raise ValueError(
            f"identifiers have dtype {tensor.dtype.name}, but must be int32, int64, string, "
            "float32 or float64"
        )
    if tensor.shape.rank != 1:
        raise ValueError(f"identifiers have shape {tensor.shape}, but must have rank 1: [n]")
    if tensor.shape[0] != count:
        raise ValueError(f"there are {tensor.shape[0]} identifiers for {count} candidates")
    array: np.ndarray = tensor.numpy()
    if tensor.dtype.is_floating and np.isnan(array).any():
        raise ValueError("identifiers: NaN stands for a missing result and cannot be an identifier")
    return array + 0 if tensor.dtype.is_floating else array  # -0 and 0 are the same


def _batches(candidates: Any, identifiers: Any) -> Iterator[Batch]:
    if not isinstance(candidates, tf.data.Dataset):
        array = to_candidates(candidates)
        yield (None if identifiers is None else to_identifiers(identifiers, len(array))), array
        return
    if identifiers is not None:
        raise ValueError(
            "identifiers must be None when candidates are a dataset: make it one of "
            "(identifiers, candidates)"
        )
    for batch in candidates:
        if isinstance(batch, (tuple, list)):
            if len(batch) != 2:
                raise ValueError(
                    f"candidates: the dataset has batches of {len(batch)} components, but must "
                    "have candidates or (identifiers, candidates)"
                )
            array = to_candidates(batch[1])
            yield to_identifiers(batch[0], len(array)), array
        else:
            yield None, to_candidates(batch)


def collect_batches(candidates: Any, identifiers: Any) -> tuple[np.ndarray, np.ndarray]:
    """All candidates and identifiers in memory, validated as the engine would.

    Raises:
      ValueError: as `Searcher.build`.
    """
    batches = list(_batches(candidates, identifiers))
    if not batches:
        raise ValueError("candidates: there are none")
    names, rows = zip(*batches, strict=True)
    if any(array.shape[1] != rows[0].shape[1] for array in rows):
        width = next(a.shape[1] for a in rows if a.shape[1] != rows[0].shape[1])
        raise ValueError(
            f"candidates have {width} dimensions, but those before had {rows[0].shape[1]}"
        )
    vectors = np.concatenate(rows)
    if len(vectors) == 0:
        raise ValueError("candidates: there are none")
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad) > 0:
        raise ValueError(f"candidates: row {bad[0]} has a NaN or infinite value")
    if names[0] is None:
        return vectors, np.arange(len(vectors), dtype=np.int32)
    column = np.concatenate(names)
    _warn_of_duplicates(len(column) - len(np.unique(column)), stacklevel=3)
    return vectors, column


def _warn_of_duplicates(count: int, stacklevel: int) -> None:
    """Warns of identifiers that a candidate before has, too."""
    if count > 0:
        warnings.warn(
            f"{count} candidates have an identifier that another candidate has, too",
            stacklevel=stacklevel + 1,
        )


def build_index_file(
    path: str,
    candidates: Any,
    identifiers: Any,
    config: IndexConfig,
    progress: ProgressCallback | bool | None,
    tuning_queries: Any = None,
) -> None:
    """Builds an index file at `path`, all or nothing. Arguments are those of `Searcher.build`."""
    queries = None if tuning_queries is None else to_queries(tuning_queries, "tuning_queries")
    report = choose_progress(progress)
    builder = None
    try:
        for names, rows in _batches(candidates, identifiers):
            if builder is None:
                builder = _engine.Builder(path, rows.shape[1], config.engine_config())
                if queries is not None:
                    builder.set_tuning_queries(queries)
            builder.add(rows)
            if names is not None:
                builder.add_identifiers(list(names) if names.dtype == object else names)
        if builder is None:
            raise ValueError("candidates: there are none")
        duplicates = builder.finish(os.cpu_count() or 1, report)
    finally:
        if builder is not None:
            builder.close()
        if isinstance(report, ProgressBar):
            report.close()
    _warn_of_duplicates(duplicates, stacklevel=4)
