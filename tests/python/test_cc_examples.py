"""The lines of examples/cc/README.md, run as written."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

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
    shutil.rmtree(FOLDER)
