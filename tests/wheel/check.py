"""Uses the installed wheel: builds an index, saves it, and answers from what another wrote.

usage: check.py save|answer FOLDER
"""

import os
import pathlib
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf

import tensorflow_scann as tfscann

minor = ".".join(tf.__version__.split(".")[:2])
rows = np.random.default_rng(0).normal(size=(30000, 16)).astype(np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # so that each is nearest to itself
queries = rows[:50]

assert "site-packages" in tfscann.__file__, tfscann.__file__
assert f"_ops_tf_{minor.replace('.', '_')}.so" in tfscann.op_library()
action, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if action == "save":
    layer = tfscann.layers.factorized_top_k.ScaNN(k=5).index(rows, np.arange(30000) + 7)
    tfscann.export(layer, folder / minor, warmup_queries=queries)
    tfscann.export(layer, folder / f"core_{minor}", ops="tensorflow")
    np.save(folder / f"{minor}.npy", layer(queries)[1].numpy())
else:
    for saved in sorted(folder.glob("*.npy")):
        model = tf.saved_model.load(str(folder / saved.stem))
        assert (model(queries)[1].numpy() == np.load(saved)).all(), saved
        outputs = model.signatures["query_with_parameters"](
            queries=tf.constant(queries),
            k=tf.constant(3),
            num_leaves_to_search=tf.constant(100000),
            num_reordering_candidates=tf.constant(30000),
        )
        assert (outputs["identifiers"].numpy()[:, 0] == np.arange(50) + 7).all(), saved
        # In core ops, every candidate in the leaves is scored exactly: each row finds itself, and
        # results are no worse. Excluded, it is gone.
        core = tf.saved_model.load(str(folder / f"core_{saved.stem}"))
        for each in (model, core):
            own = each(queries)[1][:, :1].numpy()
            assert (own[:, 0] == np.arange(50) + 7).all(), saved
            excluding = each.signatures["query_with_exclusions"](
                queries=tf.constant(queries), exclusions=tf.constant(own)
            )
            assert (excluding["identifiers"].numpy() != own).all(), saved
        assert (core(queries)[0].numpy() >= model(queries)[0].numpy() - 2e-5).all(), saved
        print(f"TensorFlow {minor} answers from what {saved.stem} saved")
