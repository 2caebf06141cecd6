"""IndexConfig says no to what it cannot mean, naming parameter, value and range."""

import dataclasses

import numpy as np
import pytest

from tensorflow_scann import IndexConfig


def test_defaults_leave_to_the_build_what_it_can_measure() -> None:
    config = IndexConfig()
    assert config.num_leaves is None
    assert config.num_leaves_to_search is None
    assert config.num_reordering_candidates is None
    assert config.soar_lambda is None


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("distance_measure", "manhattan", "distance_measure is 'manhattan', but must be one of "),
        ("reordering_dtype", "bfloat16", "reordering_dtype is 'bfloat16', but must be one of "),
        ("num_leaves", 0, "num_leaves is 0, but must be an integer of at least 1"),
        ("num_leaves", 2.5, "num_leaves is 2.5, but must be an integer of at least 1"),
        ("num_leaves", True, "num_leaves is True, but must be an integer of at least 1"),
        ("num_leaves_to_search", -1, "num_leaves_to_search is -1, but must be an integer of "),
        ("num_reordering_candidates", 0, "num_reordering_candidates is 0, but must be an "),
        ("training_iterations", 0, "training_iterations is 0, but must be an integer of at "),
        ("dimensions_per_block", 0, "dimensions_per_block is 0, but must be an integer of at "),
        ("k", 2**31, "k is 2147483648, but must be an integer of at least 1"),
        ("seed", -1, "seed is -1, but must be an integer of at least 0"),
        ("soar_lambda", -0.5, "soar_lambda is -0.5, but must be at least 0"),
        ("soar_lambda", float("nan"), "soar_lambda is nan, but must be at least 0"),
        ("anisotropic_quantization_threshold", 1.0, "threshold is 1.0, but must be at least 0 "),
        ("target_recall", 0.0, "target_recall is 0.0, but must be more than 0 and at most 1"),
        ("target_recall", "high", "target_recall is 'high', but must be more than 0 and at "),
    ],
)
def test_bad_parameters(parameter: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IndexConfig(**{parameter: value})


def test_numpy_integers_are_integers() -> None:
    assert IndexConfig(num_leaves=np.int64(7)).num_leaves == 7


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        IndexConfig().k = 3  # type: ignore[misc]
