"""What is in use on this machine, and a trial of all of it."""

import os
import platform
import tempfile

import numpy as np
import tensorflow as tf

from . import _engine
from ._ops import op_library
from .config import IndexConfig
from .searcher import Searcher
from .version import __version__


def examine() -> dict[str, str]:
    """Versions, libraries and CPU kernels in use; and what became of a trial index."""
    return {
        "tensorflow_scann": __version__,
        "tensorflow": tf.__version__,
        "keras": _keras(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "engine": str(_engine.__file__),
        "op_library": op_library(),
        "cpu_kernels": _engine.cpu_kernels(),
        "processors": str(len(os.sched_getaffinity(0))),
        "trial_index": _try(),
    }


def _keras() -> str:
    keras = tf.keras
    version = keras.version() if hasattr(keras, "version") else keras.__version__
    kind = "tf-keras" if version.startswith("2.") else "Keras 3"
    return f"{version} ({kind})"


def _try() -> str:
    """Builds, saves, exports, loads and searches an index of 2,000 candidates."""
    from .exporting import export

    rows = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = np.array([f"candidate {row}" for row in range(len(rows))])
    try:
        with tempfile.TemporaryDirectory(prefix="tensorflow_scann_") as folder:
            config = IndexConfig(num_leaves=20, num_leaves_to_search=20)
            searcher = Searcher.build(rows, names, config=config, progress=False)
            searcher.save(os.path.join(folder, "index"))
            export(searcher, os.path.join(folder, "model"))
            found = {
                "index file": Searcher.load(os.path.join(folder, "index")).search(rows)[1],
                "SavedModel": tf.saved_model.load(os.path.join(folder, "model"))(rows)[1],
            }
    except Exception as error:  # whatever it is, it is the finding
        return f"fails: {type(error).__name__}: {' '.join(str(error).split())}"
    for name, identifiers in found.items():
        if (identifiers.numpy()[:, 0].astype(str) != names).any():
            return f"fails: the {name} finds other candidates than those asked for"
    return "works: built, saved, exported, loaded and searched"
