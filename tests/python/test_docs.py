"""The documentation's Python samples run, page by page, and its command line is the real one."""

import pathlib
import re
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
        "user_embeddings": items[:2],
        "true_candidate_embeddings": items[:20],
        "true_ids": item_ids[:20],
        "movielens": type("MovieLens", (), {"users": users, "movies": titles}),
        "train": dataset.take(2400),
        "test": dataset.skip(2400),
        "watched": watched,
        "catalogue": rng.normal(size=(3000, 32)).astype(np.float32),
    }


@pytest.fixture
def model_server(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tfscann.layers.factorized_top_k.TopK]:
    """Answers TensorFlow Serving's gRPC requests as the samples address them, on a free port.

    Gives the layer that it asks.
    """
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    layer = tfscann.layers.factorized_top_k.BruteForce(k=3).index(
        names_of_the_pages()["item_embeddings"]
    )

    class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            assert (request.model_spec.name, request.model_spec.signature_name) == (
                "items",
                "serving_default",
            )
            response = predict_pb2.PredictResponse()
            found = layer(tf.make_ndarray(request.inputs["queries"]))
            for name, value in zip(("scores", "identifiers"), found, strict=True):
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
    yield layer
    server.stop(None)


@pytest.mark.parametrize("page", PAGES)
def test_samples(
    page: str,
    model_server: tfscann.layers.factorized_top_k.TopK,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = names_of_the_pages()
    for line, text in samples(page):
        code = compile("\n" * line + text, page, "exec")
        exec(code, names)
    if page == "docs/serving.md":
        _, identifiers = model_server(names["user_embeddings"])
        np.testing.assert_array_equal(names["identifiers"], identifiers)


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
