"""`tune`: what it measures, chooses, writes and refuses."""

import dataclasses
import html.parser
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tensorflow_scann as tfscann
from tensorflow_scann.tuning_report import Measurement, TuningReport


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    """Queries that are distributed unlike the candidates, [400, 24]."""
    return np.random.default_rng(1).normal(size=(400, 24)).astype(np.float32)


def test_the_chosen_index_has_the_recall(
    vectors: np.ndarray,
    queries: np.ndarray,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = {"json_path": tmp_path / "tuning.json", "plot_path": tmp_path / "tuning.png"}
    config = tfscann.tune(vectors, queries, 5, target_recall=0.9, num_leaves=(40, 80), **paths)
    assert config.num_leaves in (40, 80)
    assert (config.k, config.target_recall) == (5, 0.9)

    written = json.loads(paths["json_path"].read_text())
    assert (written["num_candidates"], written["num_queries"], written["k"]) == (3000, 400, 5)
    measurements = [Measurement(**one) for one in written["measurements"]]
    chosen = Measurement(**written["chosen"])
    assert {one.num_leaves for one in measurements} == {40, 80}
    assert max(one.recall for one in measurements) > 0.99
    # The margin is a standard error of 200 queries with 5 results.
    assert written["goal"] == pytest.approx(0.9 + (3 * 0.9 * 0.1 / (200 * 5)) ** 0.5)
    reached = [one for one in measurements if one.tuning_recall >= written["goal"]]
    assert chosen == max(reached, key=lambda one: one.queries_per_second)
    assert (chosen.num_leaves, chosen.num_leaves_to_search) == (
        config.num_leaves,
        config.num_leaves_to_search,
    )

    # The index that the configuration builds is the one that was measured.
    searcher = tfscann.Searcher.build(vectors, config=config)
    assert searcher.recall(queries[1::2], 5) == pytest.approx(chosen.recall, abs=1e-9)
    assert searcher.info().num_reordering_candidates == chosen.num_reordering_candidates

    assert paths["plot_path"].read_bytes().startswith(b"\x89PNG")
    (starred,) = [line for line in capsys.readouterr().out.splitlines() if line.endswith("*")]
    assert starred.split()[0] == f"{chosen.recall:.4f}"


def test_a_small_catalogue_may_get_an_exact_index(vectors: np.ndarray, queries: np.ndarray) -> None:
    config = tfscann.tune(vectors[:50], queries[:20], 60, target_recall=1.0, verbose=False)
    searcher = tfscann.Searcher.build(vectors[:50], config=config)
    assert searcher.recall(queries[:20]) == 1.0


def test_a_target_out_of_reach_gives_the_best_and_a_warning(
    vectors: np.ndarray, queries: np.ndarray
) -> None:
    base = tfscann.IndexConfig(reordering_dtype="int8", seed=3)
    with pytest.warns(UserWarning, match=r"no setting reached target_recall 1\.0"):
        config = tfscann.tune(
            vectors,
            queries[:50],
            target_recall=1.0,
            config=base,
            num_leaves=[10],
            batch_size=50,
            verbose=False,
        )
    assert (config.reordering_dtype, config.seed) == ("int8", 3)
    assert config.num_leaves_to_search is not None


def test_frontier_and_table() -> None:
    def one(recall: float, speed: float, leaves: int = 10) -> Measurement:
        return Measurement(leaves, 1 if leaves else 0, 20 if leaves else 0, recall, recall, speed)

    best, beaten, fast, exact = one(0.9, 50), one(0.8, 40), one(0.5, 100), one(1.0, 5, 0)
    report = TuningReport(100, 8, 10, 1, 3, 0.8, 0.8, (beaten, best, exact, fast), best)
    assert report.frontier() == [fast, best, exact]
    assert report.table().splitlines() == [
        "    recall@3   queries/s    leaves  searched  reordered",
        "      0.9000          50        10         1         20 *",
        "      1.0000           5         -         -          -",
    ]
    # What is far below the target is not shown; a choice that another setting beats by the other
    # half of the queries is shown all the same.
    shown = dataclasses.replace(report, chosen=beaten).table()
    assert "      0.8000          40        10         1         20 *" in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k is 0, but must be an integer of at least 1"),
        ({"target_recall": 1.5}, "target_recall is 1.5, but must be more than 0 and at most 1"),
        ({"batch_size": 0}, "batch_size is 0, but must be an integer of at least 1"),
        ({"num_leaves": []}, "num_leaves is empty"),
        ({"num_leaves": [-1]}, "num_leaves is -1, but must be an integer of at least 1"),
        ({"candidates": np.zeros(3, np.float32)}, "must have rank 2"),
        ({"candidates": np.zeros((0, 24), np.float32)}, "there are none"),
        ({"queries": np.zeros((0, 24))}, r"queries have shape \(0, 24\), but must be \[b, d\]"),
        ({"queries": np.zeros((2, 3))}, "queries have 3 dimensions, but candidates 24"),
        ({"queries": np.full((2, 24), np.nan)}, "queries have a NaN or infinite value"),
    ],
)
def test_mistakes(
    vectors: np.ndarray, queries: np.ndarray, change: dict[str, object], message: str
) -> None:
    arguments: dict[str, object] = {"candidates": vectors, "queries": queries, "verbose": False}
    with pytest.raises(ValueError, match=message):
        tfscann.tune(**(arguments | change))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page(
    vectors: np.ndarray, queries: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The folder with `page.html` and what TensorBoard reads, of a run that is in `tuning.json`."""
    path = tmp_path_factory.mktemp("tuning")
    tfscann.tune(
        vectors,
        queries,
        5,
        target_recall=0.9,
        num_leaves=(40,),
        html_path=path / "page.html",
        json_path=path / "tuning.json",
        log_dir=path / "logs",
        verbose=False,
    )
    return path


class _Page(html.parser.HTMLParser):
    """The text of a page, its elements' ids, and what it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.ids: set[Any] = set()
        self.references: set[Any] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value)
            if name in ("src", "href", "xlink:href"):
                self.references.add(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page(page: pathlib.Path) -> None:
    found = _Page()
    found.feed((page / "page.html").read_text())
    text = " ".join(found.text.split())
    chosen = json.loads((page / "tuning.json").read_text())["chosen"]
    assert f"num_leaves_to_search={chosen['num_leaves_to_search']}," in text
    assert f"{chosen['recall']:.4f} of the true best 5" in text
    assert {"frontier", "leaf-sizes", "code-errors"} <= found.ids
    for section in ("codes", "rows", "int8_rows", "centroids"):
        assert re.search(rf"\b{section}[\d,]+ [\d.]+ %", text)
    # Nothing to fetch: markers of the plots are all that it refers to.
    assert all(reference.startswith("#") for reference in found.references)


def test_page_of_an_exact_index(queries: np.ndarray, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "page.html"
    tfscann.tune(queries[:50], queries[:20], html_path=path, verbose=False, target_recall=1.0)
    text = path.read_text()
    assert "Every candidate is scored exactly" in text
    assert "leaf-sizes" not in text


def test_page_in_a_browser(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    picture = tmp_path / "page.png"
    subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,4000",
            f"--user-data-dir={tmp_path}", f"--screenshot={picture}", f"file://{page}/page.html",
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pixels = tf.io.decode_png(picture.read_bytes(), channels=3).numpy().astype(int)

    def rows(colour: tuple[int, int, int]) -> np.ndarray:
        """Rows of pixels with this colour."""
        return np.flatnonzero((np.abs(pixels - colour).max(axis=-1) < 8).any(axis=1))

    bars = rows((0x00, 0x72, 0xB2))
    star = rows((0xD5, 0x5E, 0x00))
    assert len(star) > 10  # a star as large as a letter
    # The plots and the bars of the memory table are apart, one below the other.
    assert len(bars) > 400
    assert (np.diff(bars) > 15).sum() >= 3


def test_summary_for_tensorboard(page: pathlib.Path) -> None:
    (file,) = (page / "logs").iterdir()
    written = json.loads((page / "tuning.json").read_text())
    report = TuningReport(
        **{**written, "measurements": [Measurement(**m) for m in written["measurements"]]}
    )
    recalls, images = [], []
    for record in tf.data.TFRecordDataset(str(file)):
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value:
            if value.tag == "tuning/frontier/recall":
                recalls.append(float(tf.make_ndarray(value.tensor)))
            if value.metadata.plugin_data.plugin_name == "images":
                images.append(tf.make_ndarray(value.tensor)[2])
    np.testing.assert_allclose(recalls, [one.recall for one in report.frontier()], rtol=1e-6)
    (image,) = images
    assert tf.io.decode_png(image).shape == [500, 800, 3]


@pytest.mark.parametrize(
    ("argument", "package"),
    [("plot_path", "matplotlib"), ("html_path", "jinja2"), ("log_dir", "tensorboard")],
)
def test_says_which_package_is_missing(
    argument: str,
    package: str,
    vectors: np.ndarray,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find_spec(name)
    )
    with pytest.raises(ImportError, match=rf"need {package}: pip install .*\[tune\]"):
        tfscann.tune(vectors, vectors[:3], **{argument: tmp_path / "x"})


@pytest.mark.parametrize(
    ("argument", "path", "message"),
    [
        ("plot_path", "x.xyz", r"plot_path is .*, but must end with one of .*\.png"),
        ("html_path", ".", "html_path is .*, but must be a file in a folder"),
        ("json_path", "no/such/x", "json_path is .*, but must be a file in a folder"),
        ("log_dir", "a file", "log_dir is .*, but must be a folder"),
    ],
)
def test_outputs_are_checked_before_the_work(
    argument: str, path: str, message: str, vectors: np.ndarray, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "a file").write_text("")
    # The queries are wrong, too; but what comes first is the path.
    with pytest.raises(ValueError, match=message):
        tfscann.tune(vectors, vectors[0], **{argument: tmp_path / path})
