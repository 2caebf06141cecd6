"""The examples for MovieLens, shortened. They download the data once."""

import pathlib
import re
import subprocess
import sys

import pytest
import tensorflow as tf

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "movielens"


def run(name: str, tmp_path: pathlib.Path) -> str:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / name), "--quick", "--output", str(tmp_path / "model")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    # Random recommendations have 100 / 1664.
    accuracy = re.search(r"top_100_categorical_accuracy: (\S+)", finished.stdout)
    assert accuracy
    assert 0.15 < float(accuracy[1]) < 0.5
    return finished.stdout


def test_two_tower(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("keras", reason="Keras 3")
    printed = run("two_tower.py", tmp_path)
    recall = re.search(r"Recall@10 of 16640 movies: (\S+)", printed)
    assert recall
    assert float(recall[1]) > 0.94
    # The new process answers as the layer did.
    before = re.search(r"^For user 42: (.*)$", printed, re.MULTILINE)
    after = re.search(r"^A new process, for user 42: (.*)$", printed, re.MULTILINE)
    assert before
    assert after
    assert before[1].startswith(after[1])
    assert tf.saved_model.contains_saved_model(str(tmp_path / "model"))


def test_with_tfrs(tmp_path: pathlib.Path) -> None:
    assert "For user 42: " in run("with_tfrs.py", tmp_path)
    assert tf.saved_model.contains_saved_model(str(tmp_path / "model"))
