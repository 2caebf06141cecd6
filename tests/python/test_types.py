"""Programs of users are checked against the package's types."""

import pathlib
import re
import subprocess
import sys

PROGRAM = """
import numpy as np
import tensorflow_scann as tfscann
from tensorflow_scann.layers.factorized_top_k import BruteForce, ScaNN, Streaming, TopK
from tensorflow_scann.metrics import FactorizedTopK


def build(candidates: np.ndarray, names: np.ndarray) -> tfscann.Searcher:
    config = tfscann.IndexConfig(distance_measure="cosine", target_recall=0.9)
    searcher = tfscann.Searcher.build(candidates, names, config=config, progress=False)
    scores, identifiers = searcher.search(candidates[:2], k=3, exclusions=names[:2, None])
    info: tfscann.IndexInfo = searcher.info()
    leaves: int | None = info.num_leaves
    sections: dict[str, int] = info.section_bytes
    print(scores, identifiers, leaves, sections, searcher.recall(candidates) > 0.9)
    return searcher


def layers(candidates: np.ndarray) -> list[TopK]:
    scann = ScaNN(k=5, soar_lambda=0.0).index(candidates, tuning_queries=candidates)
    tfscann.export(scann, "model", warmup_queries=candidates[:1])
    return [scann, BruteForce(k=5).index(candidates), Streaming()]


def tuned(candidates: np.ndarray, queries: np.ndarray) -> tfscann.IndexConfig:
    return tfscann.tune(candidates, queries, 10, html_path="tuning.html")


def evaluated(candidates: np.ndarray) -> list[float]:
    metric = FactorizedTopK(BruteForce().index(candidates), ks=[1, 10])
    metric.update_state(candidates[:2], candidates[:2])
    return [float(value) for value in metric.result()]
"""

MISTAKES = """
import tensorflow_scann as tfscann

tfscann.IndexConfig(num_leaves="many")
tfscann.Searcher.load(3)
tfscann.layers.factorized_top_k.ScaNN(target_recall=None)
leaves: int = tfscann.Searcher.load("index").info().num_leaves
"""


def check(program: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    # TensorFlow has no types of its own; this package must not be one that has none.
    (folder / "mypy.ini").write_text(
        "[mypy]\nstrict = true\n[mypy-tensorflow.*]\nignore_missing_imports = true\n"
        "follow_imports = skip\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "mypy", "program.py"],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def test_a_program_without_mistakes(tmp_path: pathlib.Path) -> None:
    checked = check(PROGRAM, tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_mistakes_are_found(tmp_path: pathlib.Path) -> None:
    checked = check(MISTAKES, tmp_path)
    lines = {int(n) for n in re.findall(r"^program\.py:(\d+): error", checked.stdout, re.MULTILINE)}
    assert lines == {4, 5, 6, 7}, checked.stdout
