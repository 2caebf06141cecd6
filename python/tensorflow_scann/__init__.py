"""Nearest-neighbour retrieval as TensorFlow ops.

See `Searcher` for an index, `layers.factorized_top_k` for Keras layers with the interface of
TensorFlow Recommenders, and `export` for model servers.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from .config import IndexConfig
from .info import IndexInfo
from .version import __version__

# An import registers the ops, so that SavedModels can be loaded. Not when the command line starts:
# its help, its complaints and its completion should not wait seconds for TensorFlow.
if TYPE_CHECKING or not getattr(sys.modules.get("_tensorflow_scann_cli"), "is_running", False):
    from ._ops import op_library as op_library
    from .searcher import Searcher as Searcher

if TYPE_CHECKING:
    from . import layers as layers
    from . import metrics as metrics
    from .exporting import export as export
    from .tuning import tune as tune


__all__ = [
    "IndexConfig",
    "IndexInfo",
    "Searcher",
    "__version__",
    "export",
    "layers",
    "metrics",
    "op_library",
    "tune",
]

# Keras takes a second to import: only who asks for these pays for it.
_LAZY = {
    "op_library": ("._ops", "op_library"),
    "Searcher": (".searcher", "Searcher"),
    "layers": (".layers", None),
    "metrics": (".metrics", None),
    "export": (".exporting", "export"),
    "tune": (".tuning", "tune"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, attribute = _LAZY[name]
    module = importlib.import_module(module_name, __name__)
    return module if attribute is None else getattr(module, attribute)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
