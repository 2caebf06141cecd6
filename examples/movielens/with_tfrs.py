"""TensorFlow Recommenders with ScaNN from here: `python examples/movielens/with_tfrs.py`.

A program for TFRS, on tf-keras. What was written for `tfrs.layers.factorized_top_k` runs with one
line changed, the import that is marked.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs tf-keras; before TensorFlow is imported

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tensorflow_scann.layers import factorized_top_k  # was: from tensorflow_recommenders.layers ...

import data


class Retrieval(tfrs.Model):
    def __init__(self, movielens: data.MovieLens) -> None:
        super().__init__()
        self.user_model = tower(movielens.users)
        self.movie_model = tower(movielens.movies)
        titles = tf.data.Dataset.from_tensor_slices(movielens.movies).batch(128)
        self.task = tfrs.tasks.Retrieval(
            metrics=tfrs.metrics.FactorizedTopK(
                candidates=factorized_top_k.Streaming(k=100).index_from_dataset(
                    titles.map(lambda title: (title, self.movie_model(title)))
                ),
                ks=(1, 10, 100),
            )
        )

    def compute_loss(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.task(
            self.user_model(features["user_id"]),
            self.movie_model(features["title"]),
            compute_metrics=not training,
        )


def tower(vocabulary: object) -> tf.keras.Model:
    lookup = tf.keras.layers.StringLookup(vocabulary=vocabulary, mask_token=None)
    return tf.keras.Sequential([lookup, tf.keras.layers.Embedding(len(vocabulary) + 1, 32)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("movielens_tfrs_model"))
    parser.add_argument("--quick", action="store_true", help="less training, fewer tests")
    arguments = parser.parse_args()
    tf.keras.utils.set_random_seed(1)

    movielens = data.load()
    train, test = (
        tf.data.Dataset.from_tensor_slices(
            {"user_id": movielens.user_ids[part], "title": movielens.titles[part]}
        )
        for part in movielens.split()
    )
    model = Retrieval(movielens)
    model.compile(optimizer=tf.keras.optimizers.Adagrad(0.1))
    model.fit(
        train.shuffle(100_000, seed=1).batch(4096),
        epochs=1 if arguments.quick else 3,
        verbose=0,
    )
    tests = test.take(2000) if arguments.quick else test
    for name, value in model.evaluate(tests.batch(1000), return_dict=True, verbose=0).items():
        if name.startswith("factorized_top_k"):
            print(f"{name}: {value:.4f}")

    index = factorized_top_k.ScaNN(model.user_model, k=10, num_leaves=40)
    titles = tf.data.Dataset.from_tensor_slices(movielens.movies).batch(128)
    index.index_from_dataset(titles.map(lambda title: (title, model.movie_model(title))))
    _, found = index(tf.constant(["42"]))
    print("For user 42:", ", ".join(title.decode() for title in found[0, :3].numpy()))

    tf.saved_model.save(index, str(arguments.output))
    loaded = tf.saved_model.load(str(arguments.output))
    _, again = loaded(tf.constant(["42"]))
    assert (again.numpy() == found.numpy()).all()
    print(f"Wrote {arguments.output}")


if __name__ == "__main__":
    main()
