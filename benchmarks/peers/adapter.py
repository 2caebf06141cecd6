"""What the benchmark needs of a system: the interface that the files of this folder implement.

Runs inside the system's own virtual environment, so only numpy may be imported here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Settings = dict[str, Any]
"""Settings of a build or a search by the names that the system gives them; JSON values only."""

Floats = NDArray[np.float32]
Rows = NDArray[Any]
"""Row numbers of candidates, an integer array, best first."""


class Adapter(ABC):
    """One system, searching by dot product, or by what a build's settings say.

    An instance either builds one index and writes it, or loads one and searches it. The module
    of an adapter imports the system's library at the top, so that no timing includes the import.
    """

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Versions of the packages that the result depends on."""

    @abstractmethod
    def builds(self, n: int, d: int) -> list[Settings]:
        """The grid of build settings for n candidates of d dims: few, and well chosen."""

    @abstractmethod
    def searches(self, build: Settings, n: int, d: int) -> list[list[Settings]]:
        """The grid of search settings for one build, in groups of growing cost.

        Tuning goes through the groups in order and stops after one whose recall is high enough.
        """

    @abstractmethod
    def build(self, candidates: Floats, settings: Settings, folder: Path, threads: int) -> None:
        """Builds an index of candidates [n, d] and writes it into the empty `folder`.

        The settings may have distance_measure and reordering_dtype, too, where the system's
        `every_kind` is set (benchmarks/systems.py).
        """

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Makes the index in `folder` ready to search."""

    @abstractmethod
    def single(self, settings: Settings, k: int) -> Callable[[Floats], Rows]:
        """A function from one query [d] to the rows [<= k] found, on the calling thread alone."""

    @abstractmethod
    def batch(self, settings: Settings, k: int, threads: int) -> Callable[[Floats], Rows]:
        """A function from queries [b, d] to the rows [b, k] found, using `threads` threads."""


def leaf_grid(num_leaves: int, fractions: list[float]) -> list[int]:
    """Numbers of leaves to search: these fractions of all leaves, ascending, none twice."""
    return sorted({max(1, round(num_leaves * fraction)) for fraction in fractions})
