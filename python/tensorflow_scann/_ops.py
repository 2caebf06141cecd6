"""Loads the op library that was built for the installed TensorFlow.

An op library works with one minor version of TensorFlow only, so a wheel may carry several.
"""

import pathlib
import re
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import auto_control_deps_utils

_LIBRARY = "_ops_tf_{minor}.so"
_OLDEST, _NEWEST = (2, 18), (2, 21)  # what this version builds against
_FOLDER = pathlib.Path(__file__).parent


def _minor(version: str) -> str:
    """'2.21.0' -> '2_21'."""
    return "_".join(version.split(".")[:2])


def find_library(tensorflow_version: str, folder: pathlib.Path = _FOLDER) -> pathlib.Path:
    """The op library for a version of TensorFlow.

    Raises:
      ImportError: if there is none, naming the versions that there are libraries for.
    """
    library = folder / _LIBRARY.format(minor=_minor(tensorflow_version))
    if library.exists():
        return library
    minors = sorted(
        tuple(map(int, match.groups()))
        for path in folder.glob(_LIBRARY.format(minor="*"))
        if (match := re.fullmatch(r"_ops_tf_(\d+)_(\d+)\.so", path.name))
    )
    built = ", ".join(f"{major}.{minor}" for major, minor in minors) or "no version"
    advice = "Install a TensorFlow that it was built for"
    installed = tuple(map(int, re.findall(r"\d+", tensorflow_version)[:2]))
    if _OLDEST <= installed <= _NEWEST:
        advice += (
            ", or build tensorflow_scann against this one: "
            "pip install --force-reinstall --no-deps --no-build-isolation tensorflow-scann"
        )
    raise ImportError(
        f"tensorflow_scann was built for TensorFlow {built}, but TensorFlow {tensorflow_version} "
        f"is installed. {advice}"
    )


def _load() -> Any:
    library = find_library(tf.__version__)
    try:
        ops = tf.load_op_library(str(library))
    except tf.errors.NotFoundError as error:
        raise ImportError(
            f"{library.name} does not load into TensorFlow {tf.__version__}: {error.message}"
        ) from error
    # Searches on one handle need not wait for one another.
    for op in ("ScannSearch", "ScannSearchBatched", "ScannInfo"):
        auto_control_deps_utils.register_read_only_resource_op(op)
    return ops


def op_library() -> str:
    """The path of the op library in use.

    A C or C++ program loads it before a SavedModel that needs its ops; the program's TensorFlow
    must be of the same minor version as this Python's.
    """
    return str(find_library(tf.__version__))


_loaded = _load()
scann_searcher = _loaded.scann_searcher
scann_load = _loaded.scann_load
scann_save = _loaded.scann_save
scann_serialize = _loaded.scann_serialize
scann_restore = _loaded.scann_restore
scann_info = _loaded.scann_info
scann_search = _loaded.scann_search
scann_search_batched = _loaded.scann_search_batched
scann_count_higher = _loaded.scann_count_higher
