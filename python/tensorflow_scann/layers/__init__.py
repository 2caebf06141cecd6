"""Keras layers."""

from . import factorized_top_k

__all__ = ["factorized_top_k"]
