"""The lines of examples/cc/README.md and of docs/reference/cc.md, run as written."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "build" / "examples"


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_lines_of_the_readme() -> None:
    text = (ROOT / "examples" / "cc" / "README.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    shutil.rmtree(FOLDER, ignore_errors=True)
    programs = os.path.dirname(sys.executable)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    script = "set -e -o pipefail\n" + "".join(blocks)
    finished = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-3000:]
    outputs = {
        name: (FOLDER / f"{name}.txt").read_text()
        for name in ("c_api", "cc_api", "engine", "cmake")
    }
    lines = outputs["engine"].splitlines()
    assert [line.split()[0] for line in lines] == ["paris", "guitar", "monday", "physics"]
    assert "tuesday" in lines[2]
    assert all(output == outputs["engine"] for output in outputs.values())
    model = tf.saved_model.load(str(FOLDER / "models" / "scann"))
    queries = np.fromfile(FOLDER / "queries.f32", np.float32).reshape(len(lines), -1)
    pairs = zip(*(tensor.numpy().ravel() for tensor in model(queries)), strict=True)
    of_python = [f"{name.decode()} {score:.5f}" for score, name in pairs]
    assert outputs["engine"].replace("\n", ", ").split(", ")[:-1] == of_python
    shutil.rmtree(FOLDER)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_page_of_the_library(tmp_path: pathlib.Path) -> None:
    text = (ROOT / "docs" / "reference" / "cc.md").read_text()
    (program,) = re.findall(r"^```cpp\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    install, use = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "nearest.cc").write_text(program)
    vectors = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    searcher = tfscann.Searcher.build(vectors)
    searcher.save(tmp_path / "items.index")
    for part in ("CMakeLists.txt", "cc", "python"):
        (tmp_path / part).symlink_to(ROOT / part)
    script = "set -e\n" + install + use
    finished = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    rows = [int(line.split()[0]) for line in finished.stdout.splitlines()[-5:]]
    assert rows == searcher.search(np.ones((1, 4), np.float32), k=5)[1].numpy()[0].tolist()
