"""The command line, run as a user runs it."""

import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest


def run(*arguments: object, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    program = "import _tensorflow_scann_cli as cli; cli.main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Embeddings, identifiers, queries, and what `build` makes of them."""
    path = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    np.save(path / "embeddings.npy", rng.normal(size=(500, 8)).astype(np.float32))
    (path / "names.txt").write_text("\n".join(f"name {i}" for i in range(500)) + "\n")
    np.save(path / "queries.npy", np.load(path / "embeddings.npy")[:2] * 5)
    (path / "empty.npy").write_bytes(b"")
    (path / "bad.npz").write_bytes(b"PK\x03\x04" + bytes(50))
    built = run(
        "build", "embeddings.npy", "--identifiers", "names.txt", "--output", "index",
        "--saved-model", "model", "--num-leaves", 10, "--distance-measure", "cosine", "--json",
        cwd=path,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    info = json.loads(built.stdout)
    assert (info["num_candidates"], info["num_leaves"]) == (500, 10)
    return path


def test_search_of_an_index_and_of_a_saved_model(folder: pathlib.Path) -> None:
    answers = []
    for index in ("index", "model"):
        found = run("search", index, "--queries", "queries.npy", "--k", 3, "--json", cwd=folder)
        assert found.returncode == 0, found.stderr
        answers.append([json.loads(line) for line in found.stdout.splitlines()])
    assert answers[0] == answers[1]
    assert [len(a["results"]) for a in answers[0]] == [3, 3]
    assert [a["results"][0]["identifier"] for a in answers[0]] == ["name 0", "name 1"]
    assert answers[0][0]["results"][0]["score"] == pytest.approx(1.0)
    text = run("search", "index", "--queries", "queries.npy", "--k", 1, cwd=folder).stdout
    assert text.splitlines() == ["query 0", "      1.000000  name 0", "query 1"] + [
        "      1.000000  name 1"
    ]


def test_info(folder: pathlib.Path) -> None:
    for index in ("index", "model"):
        described = run("info", index, "--json", cwd=folder)
        assert json.loads(described.stdout)["distance_measure"] == "cosine"
    lines = run("info", "index", cwd=folder).stdout.splitlines()
    assert "num_candidates                      500" in lines
    assert lines[0].startswith("500 candidates of 8 dimensions, compared by cosine, ")
    assert any(re.fullmatch(r"int8_rows +[\d,]+ bytes +\d+\.\d%", line) for line in lines)
    assert len(lines) < 45  # a screen


@pytest.mark.parametrize("index", ["index", "model"])
def test_search_by_identifier(folder: pathlib.Path, index: str) -> None:
    arguments = ("--identifier", "name 7", "--identifier", "name 3", "--k", 2)
    found = run("search", index, *arguments, "--json", cwd=folder)
    assert found.returncode == 0, found.stderr
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    assert [answer["query"] for answer in answers] == ["name 7", "name 3"]
    assert [answer["results"][0]["identifier"] for answer in answers] == ["name 7", "name 3"]
    assert answers[0]["results"][0]["score"] == pytest.approx(1.0)
    text = run("search", index, *arguments, cwd=folder).stdout
    assert text.splitlines()[:2] == ["query name 7", "      1.000000  name 7"]


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_search_by_number(folder: pathlib.Path, dtype: str) -> None:
    large = 2**60 if dtype == "int64" else 0
    np.save(folder / "numbers.npy", (np.arange(500) + large).astype(dtype))
    built = run(
        "build", "embeddings.npy", "--identifiers", "numbers.npy", "--output", f"by {dtype}",
        "--num-leaves", 5, "--distance-measure", "squared_l2", "--reordering-dtype", "int8",
        cwd=folder,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    wanted = np.dtype(dtype).type(large + 9)
    found = run("search", f"by {dtype}", "--identifier", wanted, "--k", 1, "--json", cwd=folder)
    (result,) = json.loads(found.stdout)["results"]
    assert result["identifier"] == wanted
    assert result["score"] == pytest.approx(0.0, abs=1e-3)


def test_an_import_beside_the_entry_point_has_the_ops(folder: pathlib.Path) -> None:
    program = (
        "import _tensorflow_scann_cli, tensorflow_scann, tensorflow as tf;"
        "print(len(tf.saved_model.load('model').signatures))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False
    )
    assert loaded.stdout == "3\n", loaded.stderr


def test_help_and_completion_come_without_tensorflow(folder: pathlib.Path) -> None:
    # Where importing TensorFlow is an error, there is no need to wait for it.
    program = (
        "import sys; sys.modules['tensorflow'] = None;"
        "import _tensorflow_scann_cli as cli; cli.main()"
    )

    def run_without(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, **environment},
            check=False,
        )

    shown = run_without("--help")
    assert shown.returncode == 0, shown.stderr
    for command in ("build", "search", "tune", "info", "export", "doctor", "demo"):
        assert re.search(rf"^  {command} ", shown.stdout, re.MULTILINE)
    assert run_without("build").returncode == 2
    for words, expected in (("se", "search"), ("build x --reordering-dtype i", "int8")):
        completed = run_without(
            _TENSORFLOW_SCANN_COMPLETE="bash_complete",
            COMP_WORDS=f"tensorflow-scann {words}",
            COMP_CWORD=str(len(words.split())),
        )
        assert completed.stdout.splitlines() == [f"plain,{expected}"], completed.stderr
    script = run_without(_TENSORFLOW_SCANN_COMPLETE="bash_source")
    assert "complete " in script.stdout


def test_export(folder: pathlib.Path) -> None:
    assert run("export", "index", "exported", cwd=folder).returncode == 0
    found = run("search", "exported", "--queries", "queries.npy", "--json", cwd=folder)
    assert json.loads(found.stdout.splitlines()[0])["results"][0]["identifier"] == "name 0"


def test_tune_says_how_to_build(folder: pathlib.Path) -> None:
    tuned = run(
        "tune", "embeddings.npy", "--queries", "queries.npy", "--k", 3, "--num-leaves", 10,
        "--distance-measure", "cosine", "--json", "tuning.json", cwd=folder,
    )  # fmt: skip
    assert tuned.returncode == 0, tuned.stderr
    assert json.loads((folder / "tuning.json").read_text())["k"] == 3
    command = tuned.stdout.splitlines()[-1].split()
    assert command[:3] == ["tensorflow-scann", "build", "embeddings.npy"]
    built = run(*command[1:-1], "tuned", "--json", cwd=folder)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["num_leaves"] == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune", "embeddings.npy"], "Missing option '--queries'"),
        (["tune", "embeddings.npy", "--queries", "queries.npy", "--k", "0"], "k is 0, but must be"),
        (["tune", "embeddings.npy", "--queries", "queries.npy", "--plot", "no/x"], "--plot: there"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["build"], "Missing argument 'EMBEDDINGS'"),
        (["build", "embeddings.npy"], "give --output, --saved-model or both"),
        (["build", "none.npy", "--output", "x"], "EMBEDDINGS: there is no file none.npy"),
        (["build", "names.txt", "--output", "x"], "EMBEDDINGS: names.txt is no .npy or .npz file"),
        (
            ["build", "embeddings.npy", "--output", "x", "--num-leaves", "0"],
            "num_leaves is 0, but must be an integer of at least 1",
        ),
        (
            ["build", "embeddings.npy", "--output", "x", "--distance-measure", "taxi"],
            "Invalid value for '--distance-measure'",
        ),
        (
            ["build", "queries.npy", "--output", "x", "--identifiers", "names.txt"],
            "there are 500 identifiers for 2 candidates",
        ),
        (["build", "embeddings.npy", "--output", "no/such/folder/x"], "no/such/folder"),
        (["build", "empty.npy", "--output", "x"], "EMBEDDINGS: empty.npy is no .npy or .npz file"),
        (["build", "bad.npz", "--output", "x"], "EMBEDDINGS: bad.npz is no .npy or .npz file"),
        (["info", "none"], "there is no index file and no SavedModel none"),
        (["build", "embeddings.npy", "--output", "x", "--identifiers", "index"], "UTF-8"),
        (["info", "names.txt"], "not a tensorflow-scann index file"),
        (["info", "."], ". is no SavedModel with one index"),
        (["search", "index"], "give either --queries or --identifier"),
        (["search", "index", "--queries", "queries.npy", "--identifier", "x"], "give either"),
        (["search", "index", "--identifier", "x"], "no candidate of index is called 'x'"),
        (["search", "index", "--queries", "queries.npy", "--k", "0"], "k is 0, but must be"),
        (["export", "names.txt", "y"], "not a tensorflow-scann index file"),
        (["export", "index", "y", "--ops", "other"], "'other' is not one of 'scann', 'tensorflow'"),
        (["export", "index", "y", "--warmup-queries", "none.npy"], "--warmup-queries"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    folder: pathlib.Path, arguments: list[str], message: str
) -> None:
    failed = run(*arguments, cwd=folder)
    assert failed.returncode == 2
    assert failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert line.startswith("tensorflow-scann: ")
    assert message in line
    assert not (folder / "x").exists()


def test_export_for_a_server_without_our_ops(folder: pathlib.Path) -> None:
    exported = run(
        "export", "index", "core", "--ops", "tensorflow", "--warmup-queries", "queries.npy",
        cwd=folder,
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    assert (folder / "core" / "assets.extra" / "tf_serving_warmup_requests").exists()
    assert b"ScannSearch" not in (folder / "core" / "saved_model.pb").read_bytes()
    assert b"ScannSearch" in (folder / "model" / "saved_model.pb").read_bytes()


def test_doctor(folder: pathlib.Path) -> None:
    examined = run("doctor", "--json", cwd=folder)
    assert examined.returncode == 0, examined.stderr
    findings = json.loads(examined.stdout)
    assert findings["trial_index"].startswith("works")
    assert findings["cpu_kernels"] in ("scalar", "avx2", "avx512")
    assert pathlib.Path(findings["op_library"]).exists()
    assert "trial index          works" in run("doctor", cwd=folder).stdout


def test_help_and_version(folder: pathlib.Path) -> None:
    assert run("--version", cwd=folder).stdout.startswith("tensorflow-scann, version ")
    assert "--anisotropic-quantization-threshold" in run("build", "-h", cwd=folder).stdout


def test_demo(tmp_path: pathlib.Path) -> None:
    shown = run("demo", "--directory", "demo", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "20000 words" in shown.stdout
    neighbours = next(line for line in shown.stdout.splitlines() if "paris:" in line)
    assert "france" in neighbours or "london" in neighbours
    recall = float(shown.stdout.split("recall@10 against exact search: ")[1].split()[0])
    assert 0.9 <= recall <= 1.0
    assert "median latency of a query: " in shown.stdout
