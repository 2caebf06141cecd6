"""Layers that find the best k candidates, with the interface of `tfrs.layers.factorized_top_k`.

They are Keras models, of Keras 3 or, where `TF_USE_LEGACY_KERAS=1` is set, of tf-keras.
"""

from .brute_force import BruteForce
from .scann import ScaNN
from .streaming import Streaming
from .top_k import TopK

__all__ = ["BruteForce", "ScaNN", "Streaming", "TopK"]
