"""setup.py and Bazel build the same sources."""

import importlib.util
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]


def _setup_sources(folders: str) -> set[str]:
    spec = importlib.util.spec_from_file_location("setup_py", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.sources(getattr(module, folders)))


def _bazel_sources(folders: list[str]) -> set[str]:
    found = set()
    for folder in folders:
        text = (ROOT / folder / "BUILD").read_text()
        found |= {f"{folder}/{name}" for name in re.findall(r'"([\w]+\.cc)"', text)}
    return found


def test_every_source_is_built_by_both() -> None:
    for folders in ("SEARCH_FOLDERS", "BUILD_FOLDERS", "PYBIND_FOLDERS", "OPS_FOLDERS"):
        sources = _setup_sources(folders)
        assert sources, folders
        assert sources == _bazel_sources(sorted({s.rpartition("/")[0] for s in sources}))


def test_no_instruction_set_is_asked_for() -> None:
    for name in ("setup.py", ".bazelrc", "cc/copts.bzl"):
        assert not re.search(r"-m(arch|tune|avx|sse|fma)", (ROOT / name).read_text()), name
