"""third_party/tf_serving/apply.py on checkouts that it does not fit; run.sh of
tests/serving_workspace applies it where it does."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
APPLY = ROOT / "third_party" / "tf_serving" / "apply.py"
TEMPLATE = ROOT / "tests" / "serving_workspace" / "template"
MODEL_SERVERS = "tensorflow_serving/model_servers/BUILD"
LABEL = "@org_tensorflow_scann//cc/tf:serving"


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    """The two files that are changed, in a folder of another repository."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    folder = tmp_path / "serving"
    (folder / MODEL_SERVERS).parent.mkdir(parents=True)
    (folder / MODEL_SERVERS).write_text((TEMPLATE / f"{MODEL_SERVERS}.template").read_text())
    (folder / "WORKSPACE").write_text((TEMPLATE / "WORKSPACE").read_text())
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, APPLY, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def contents(checkout: pathlib.Path) -> list[str]:
    return [(checkout / name).read_text() for name in ("WORKSPACE", MODEL_SERVERS)]


def test_applied_once(checkout: pathlib.Path) -> None:
    assert run(checkout, "--check").returncode == 1
    assert run(checkout).returncode == 0
    applied = contents(checkout)
    assert LABEL in applied[1]
    assert run(checkout).returncode == run(checkout, "--check").returncode == 0
    assert contents(checkout) == applied


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (MODEL_SERVERS, "@org_tensorflow_text", "@elsewhere", "does not fit"),
        (MODEL_SERVERS, "SUPPORTED_TENSORFLOW_OPS = ", "OTHER_OPS = ", "SUPPORTED_TENSORFLOW_OPS"),
        ("WORKSPACE", "\n", '\nname = "org_tensorflow_scann"\n', "another org_tensorflow_scann"),
    ],
)
def test_a_checkout_that_it_does_not_fit_is_left_as_it_was(
    checkout: pathlib.Path, file: str, old: str, new: str, message: str
) -> None:
    path = checkout / file
    path.write_text(path.read_text().replace(old, new, 1))
    before = contents(checkout)
    finished = run(checkout)
    assert finished.returncode == 1
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert contents(checkout) == before


def test_the_label_elsewhere_in_the_file_does_not_count(checkout: pathlib.Path) -> None:
    path = checkout / MODEL_SERVERS
    text = path.read_text().replace('ops_lib",\n', f'ops_lib",\n    # "{LABEL}",\n')
    path.write_text(f"# not yet: {LABEL}\n{text}")
    assert run(checkout, "--check").returncode == 1
    assert run(checkout).returncode == 0
    assert path.read_text().count(LABEL) == 3


def test_bytes_that_are_no_text_and_ends_of_lines_stay(checkout: pathlib.Path) -> None:
    workspace, build = checkout / "WORKSPACE", checkout / MODEL_SERVERS
    before = workspace.read_bytes().replace(b"\n", b"\r\n")
    workspace.write_bytes(before)
    build.write_bytes(b"# caf\xe9\n" + build.read_bytes())
    assert run(checkout).returncode == 0
    assert workspace.read_bytes().startswith(before)
    assert build.read_bytes().startswith(b"# caf\xe9\n")


def test_what_was_done_before_a_failure_is_taken_back(
    checkout: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f"#!/bin/sh\necho half >> {MODEL_SERVERS}; echo 'disk full' >&2; exit 1\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}{os.pathsep}{os.environ['PATH']}")
    before = contents(checkout)
    finished = run(checkout)
    assert finished.returncode == 1
    assert "disk full" in finished.stderr
    assert contents(checkout) == before


def test_no_checkout(tmp_path: pathlib.Path) -> None:
    finished = run(tmp_path)
    assert finished.returncode == 2
    assert "is no checkout of TensorFlow Serving" in finished.stderr
