"""The documentation's Python samples run, page by page, and its command line is the real one."""

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import click
import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "```python" in path.read_text()
)


def samples(page: str) -> list[tuple[int, str]]:
    """The line number and the text of each block of Python."""
    text = (ROOT / page).read_text()
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def names_of_the_pages() -> dict[str, Any]:
    """What samples speak of and do not make."""
    rng = np.random.default_rng(0)
    items = rng.normal(size=(2000, 16)).astype(np.float32)
    item_ids = np.array([f"item {i}" for i in range(2000)])
    users = np.array([str(i) for i in range(300)])
    user_model = tf.keras.Sequential(
        [tf.keras.layers.StringLookup(vocabulary=users), tf.keras.layers.Embedding(301, 16)]
    )
    ratings = rng.integers(0, (300, 60), size=(3000, 2))
    titles = np.array([f"Movie {i}" for i in range(60)])
    watched = {
        user: titles[np.unique(ratings[ratings[:, 0] == i, 1])[:20]].tolist()
        for i, user in enumerate(users)
    }
    features = {"user_id": users[ratings[:, 0]], "title": titles[ratings[:, 1]]}
    dataset = tf.data.Dataset.from_tensor_slices(features)
    return {
        "tf": tf,
        "np": np,
        "keras": tf.keras,
        "tfscann": tfscann,
        "user_model": user_model,
        "users": users,
        "item_embeddings": items,
        "item_ids": item_ids,
        "already_seen": np.array([[f"item {i}"] for i in range(300)]),
        "candidates": items,
        "embeddings": items,
        "ids": item_ids,
        "queries": rng.normal(size=(300, 16)).astype(np.float32),
        "other_queries": rng.normal(size=(30, 16)).astype(np.float32),
        "query_embeddings": items[:20],
        "true_candidate_embeddings": items[:20],
        "true_ids": item_ids[:20],
        "movielens": type("MovieLens", (), {"users": users, "movies": titles}),
        "train": dataset.take(2400),
        "test": dataset.skip(2400),
        "watched": watched,
        "catalogue": rng.normal(size=(3000, 32)).astype(np.float32),
    }


@pytest.fixture
def model_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answers TensorFlow Serving's gRPC requests as the samples address them, on a free port.

    As Serving would in the folder at hand, by version 1 of the models in models/.
    """
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            model = tf.saved_model.load(f"models/{request.model_spec.name}/1")
            inputs = {
                name: tf.convert_to_tensor(tf.make_ndarray(proto))
                for name, proto in request.inputs.items()
            }
            outputs = model.signatures[request.model_spec.signature_name](**inputs)
            response = predict_pb2.PredictResponse()
            for name, value in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    connect = grpc.insecure_channel
    monkeypatch.setattr(
        grpc, "insecure_channel", lambda address: connect(address.replace(":8500", f":{port}"))
    )
    yield
    server.stop(None)


@pytest.mark.usefixtures("model_server")
@pytest.mark.parametrize("page", PAGES)
def test_samples(page: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = names_of_the_pages()
    for line, text in samples(page):
        # The server of the tests loads a model for each request.
        text = text.replace("timeout=1.0", "timeout=60.0")
        code = compile("\n" * line + text, page, "exec")
        exec(code, names)
    if page == "docs/serving.md":
        _, expected = names["layer"](names["users"][:1])
        np.testing.assert_array_equal(names["identifiers"], expected)


def test_the_export_line_of_the_page_on_serving(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = re.findall(
        r"`(tensorflow-scann export [^`]+)`", (ROOT / "docs/serving.md").read_text()
    )
    candidates = names_of_the_pages()["item_embeddings"]
    searcher = tfscann.Searcher.build(candidates)
    searcher.save(tmp_path / "INDEX")
    np.save(tmp_path / "queries.npy", candidates[:8])
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    subprocess.run(line.split(), cwd=tmp_path, check=True)
    model = tmp_path / "models" / "items" / "1"
    assert (model / "assets.extra" / "tf_serving_warmup_requests").exists()
    serve = tf.saved_model.load(str(model)).signatures["serving_default"]
    found = serve(queries=tf.constant(candidates[:3]))["identifiers"]
    assert (found.numpy() == searcher.search(candidates[:3])[1].numpy()).all()


def test_there_are_samples() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/coming_from_scann.md"} <= set(PAGES)


def test_the_command_line_is_documented() -> None:
    from tensorflow_scann.cli import cli

    text = (ROOT / "docs" / "reference" / "command_line.md").read_text()
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert parts.keys() == cli.commands.keys()
    for name, command in cli.commands.items():
        wanted = {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        documented = set(re.findall(r"(?<!\w)--[a-z-]+", parts[name]))
        # An example may show an option of its own; options of others must not be there.
        assert documented == wanted, name
