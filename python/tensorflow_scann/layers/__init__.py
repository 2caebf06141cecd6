"""Keras layers.

`factorized_top_k`: the interface of TensorFlow Recommenders. `ScannRetrieval`: that of Keras
Recommenders, which it needs.
"""

from typing import TYPE_CHECKING, Any

from . import factorized_top_k

if TYPE_CHECKING:
    from .scann_retrieval import ScannRetrieval as ScannRetrieval

__all__ = ["ScannRetrieval", "factorized_top_k"]


def __getattr__(name: str) -> Any:
    if name != "ScannRetrieval":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .scann_retrieval import ScannRetrieval

    return ScannRetrieval


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
