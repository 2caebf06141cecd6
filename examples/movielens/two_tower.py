"""A recommender from ratings to a served model: `python examples/movielens/two_tower.py`.

Trains two towers on MovieLens-100k with Keras 3, evaluates them, indexes the movies, chooses the
index's parameters by measuring, compares it with brute force, leaves out what a user has seen, and
writes a SavedModel that a new process loads and asks. docs/tutorial.md explains each step.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tensorflow_scann as tfscann
from tensorflow_scann.layers.factorized_top_k import BruteForce, ScaNN
from tensorflow_scann.metrics import FactorizedTopK

import data

K = 10
BATCH = 4096


class TwoTower(keras.Model):
    """Users and movies as vectors; the dot product of a user and a movie says how well they fit."""

    def __init__(self, users: np.ndarray, movies: np.ndarray, dimensions: int = 32) -> None:
        super().__init__()
        self.user_model = tower(users, dimensions)
        self.movie_model = tower(movies, dimensions)
        candidates = tf.data.Dataset.from_tensor_slices(movies).batch(512)
        self.top_k = FactorizedTopK(
            candidates.map(lambda titles: (titles, self.movie_model(titles))), ks=(1, 10, 100)
        )

    def call(self, features: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        return self.user_model(features["user_id"]), self.movie_model(features["title"])

    def train_step(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            users, movies = self(features)
            # The other movies of the batch are what the user did not watch.
            logits = tf.matmul(users, movies, transpose_b=True)
            labels = tf.range(tf.shape(logits)[0])
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_sum(losses)
        self.optimizer.apply(
            tape.gradient(loss, self.trainable_variables), self.trainable_variables
        )
        return {"loss": loss}

    def test_step(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        users, movies = self(features)
        self.top_k.update_state(users, movies, true_candidate_ids=features["title"])
        return {metric.name: metric.result() for metric in self.metrics}


def tower(vocabulary: np.ndarray, dimensions: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.layers.StringLookup(vocabulary=vocabulary, mask_token=None),
            keras.layers.Embedding(len(vocabulary) + 1, dimensions),
        ]
    )


def larger_catalogue(embeddings: np.ndarray, copies: int) -> np.ndarray:
    """Made-up movies, each near a real one: 1,682 are too few to tell search methods apart."""
    rng = np.random.default_rng(0)
    spread = 0.5 * embeddings.std(axis=0)
    made_up = np.repeat(embeddings, copies, axis=0)
    return (made_up + spread * rng.normal(size=made_up.shape)).astype(np.float32)


def median_ms(layer: Callable[[Any], Any], queries: tf.Tensor) -> float:
    """Of one query at a time, in a graph, as a server asks."""
    search = tf.function(lambda query: layer(query))
    times = []
    for query in tf.split(queries[:220], 220):
        start = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[20:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("movielens_model"))
    parser.add_argument("--quick", action="store_true", help="less training, fewer movies")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(1)

    # 1. Train.
    movielens = data.load()
    train, test = movielens.split()
    ratings = {"user_id": movielens.user_ids, "title": movielens.titles}
    batches = {
        name: tf.data.Dataset.from_tensor_slices({key: v[part] for key, v in ratings.items()})
        for name, part in (("train", train), ("test", test))
    }
    model = TwoTower(movielens.users, movielens.movies)
    model.compile(optimizer=keras.optimizers.Adagrad(0.1))
    model.fit(
        batches["train"].shuffle(100_000, seed=1).batch(BATCH),
        epochs=2 if arguments.quick else 3,
        shuffle=False,  # the dataset shuffles
        verbose=0,
    )

    # 2. Evaluate: how often is the movie that was watched among the best k?
    accuracies = model.evaluate(batches["test"].batch(BATCH), return_dict=True, verbose=0)
    for k in (1, 10, 100):
        name = f"factorized_top_k/top_{k}_categorical_accuracy"
        print(f"{name}: {accuracies[name]:.4f}")

    # 3. Index the movies. The query model goes into the layer: it takes user ids.
    embeddings = model.movie_model(movielens.movies).numpy()
    exact = BruteForce(model.user_model, k=K).index(embeddings, movielens.movies)
    _, titles = exact(tf.constant(["42"]))
    print("For user 42:", ", ".join(title.decode() for title in titles[0, :3].numpy()))

    # 4. Tune and compare, with more movies than there are.
    catalogue = larger_catalogue(embeddings, copies=10 if arguments.quick else 120)
    users = model.user_model(movielens.users).numpy()
    config = tfscann.tune(
        catalogue, users, K, target_recall=0.95, num_leaves=(256,) if arguments.quick else None
    )
    searcher = tfscann.Searcher.build(catalogue, config=config, progress=False)
    print(f"Recall@{K} of {len(catalogue)} movies: {searcher.recall(users):.4f}")
    brute_force = BruteForce(k=K).index(catalogue)
    queries = tf.constant(users)
    print(f"Brute force: {median_ms(brute_force, queries):.2f} ms a query")
    print(f"ScaNN: {median_ms(searcher.search, queries):.2f} ms a query")

    # 5. Leave out what users have seen. The index of the real movies is tuned by real users.
    layer = ScaNN(model.user_model, k=K, num_leaves=40, target_recall=0.98)
    layer.index(embeddings, movielens.movies, tuning_queries=movielens.users)
    some = movielens.users[:3]
    seen = tf.ragged.constant(
        [movielens.titles[train][movielens.user_ids[train] == user].tolist() for user in some]
    )
    _, titles = layer.query_with_exclusions(some, seen)
    for user, watched, row in zip(some, seen, titles.numpy(), strict=True):
        assert not set(row) & set(watched.numpy())
        print(f"User {user} has seen {len(watched)} movies and may like {row[0].decode()}")

    # 6. Save, and ask in a new process.
    tfscann.export(layer, arguments.output, warmup_queries=movielens.users[:8])
    program = (
        "import sys, tensorflow as tf, tensorflow_scann;"
        "model = tf.saved_model.load(sys.argv[1]);"
        "scores, titles = model(tf.constant(['42']));"
        "print('A new process, for user 42:', titles[0, 0].numpy().decode())"
    )
    print(f"Wrote {arguments.output}", flush=True)
    subprocess.run([sys.executable, "-c", program, str(arguments.output)], check=True)


if __name__ == "__main__":
    main()
