"""IndexConfig: how an index is built."""

import dataclasses
import math
from typing import Any

DISTANCE_MEASURES = ("dot_product", "cosine", "squared_l2")
EXPORT_OPS = ("scann", "tensorflow")
REORDERING_DTYPES = ("float32", "int8")


@dataclasses.dataclass(frozen=True)
class IndexConfig:
    """Parameters of an index; `None` means chosen from the data when the index is built.

    Attributes:
      distance_measure: "dot_product", "cosine" or "squared_l2".
      num_leaves: Partitions of the candidates. `None`: about 4 times the square root of their
        number; below 20,000 candidates none at all, and search is exact. More than there are
        candidates: as many as there are.
      num_leaves_to_search: Partitions searched for a query, on average: the build learns which
        queries need more of them and which fewer, up to 4 times. As many as there are: all, for
        every query. `None`: as few as reach `target_recall`.
      training_iterations: Rounds of k-means.
      dimensions_per_block: Consecutive dimensions quantized together, into 4 bits.
      num_reordering_candidates: Best approximate candidates that are scored again, exactly. `None`:
        as few as reach `target_recall`. A search for more than `k` results takes more in
        proportion, unless it says how many.
      soar_lambda: Weight of SOAR's orthogonality (Sun et al., NeurIPS 2023) in choosing a second
        partition for each candidate. `None`: 1.0. 0 switches second partitions off.
      anisotropic_quantization_threshold: T of anisotropic quantization (Guo et al., ICML 2020), in
        [0, 1); relative to the candidates' root mean square length. 0: all errors of codes count
        alike. Not used by "squared_l2".
      reordering_dtype: "float32", or "int8": a smaller index that keeps no float32 candidates, and
        whose scores are therefore approximate.
      target_recall: Part of the true best `k` that a search should find, in (0, 1]. Measured with
        tuning queries; or with a sample of the candidates, each left out of its own results, which
        is only an estimate for queries that are distributed otherwise.
      k: The number of results that `target_recall` speaks of.
      seed: Of all random choices. The same data, parameters and seed give the same index.

    Raises:
      ValueError: for a parameter out of its range, naming it, its value and the range.

    Examples:
      >>> IndexConfig(distance_measure="cosine", target_recall=0.9).num_leaves is None
      True
    """

    distance_measure: str = "dot_product"
    num_leaves: int | None = None
    num_leaves_to_search: int | None = None
    training_iterations: int = 12
    dimensions_per_block: int = 2
    num_reordering_candidates: int | None = None
    soar_lambda: float | None = None
    anisotropic_quantization_threshold: float = 0.2
    reordering_dtype: str = "float32"
    target_recall: float = 0.95
    k: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice("distance_measure", self.distance_measure, DISTANCE_MEASURES)
        _check_choice("reordering_dtype", self.reordering_dtype, REORDERING_DTYPES)
        for name in ("num_leaves", "num_leaves_to_search", "num_reordering_candidates"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1)
        for name in ("training_iterations", "dimensions_per_block", "k"):
            check_integer(name, getattr(self, name), 1)
        check_integer("seed", self.seed, 0)
        if self.soar_lambda is not None:
            _check_number("soar_lambda", self.soar_lambda, "at least 0", lambda x: x >= 0)
        _check_number(
            "anisotropic_quantization_threshold",
            self.anisotropic_quantization_threshold,
            "at least 0 and less than 1",
            lambda x: 0 <= x < 1,
        )
        check_target_recall(self.target_recall)

    def engine_config(self) -> dict[str, Any]:
        """The parameters that are set, by name."""
        parameters = dataclasses.asdict(self)
        return {name: value for name, value in parameters.items() if value is not None}


# The largest integer that a parameter may be: what the ops take.
_MAX_INT32 = 2**31 - 1


def check_integer(name: str, value: Any, least: int) -> None:
    """Raises ValueError unless `value` is an integer in [least, 2^31)."""
    is_integer = not isinstance(value, bool) and hasattr(value, "__index__")
    if not is_integer or not least <= value.__index__() <= _MAX_INT32:
        raise ValueError(f"{name} is {value!r}, but must be an integer of at least {least}")


def check_target_recall(value: Any) -> None:
    """Raises ValueError unless `value` is a number in (0, 1]."""
    _check_number("target_recall", value, "more than 0 and at most 1", lambda x: 0 < x <= 1)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(map(repr, choices))}")


def _check_number(name: str, value: Any, allowed: str, is_allowed: Any) -> None:
    is_number = isinstance(value, (int, float)) or hasattr(value, "__float__")
    if (
        isinstance(value, bool)
        or not is_number
        or not math.isfinite(value)
        or not is_allowed(value)
    ):
        raise ValueError(f"{name} is {value!r}, but must be {allowed}")
