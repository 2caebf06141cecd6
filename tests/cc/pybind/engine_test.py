"""The module that Bazel built works in the interpreter that PYTHON_BIN_PATH names.

What the module does is tested in tests/python; this is about linking it.
"""

import json
import pathlib
import sys

import _engine
import numpy as np
import pytest


def test_builds_opens_and_searches(tmp_path: pathlib.Path) -> None:
    rows = np.eye(5, 4, dtype=np.float32)
    path = str(tmp_path / "index")
    builder = _engine.Builder(path, 4, {"distance_measure": "squared_l2"})
    builder.add(rows)
    builder.add_identifiers([b"a", b"b", b"c", b"d", b"e"])
    assert builder.finish() == 0
    index = _engine.Index.open(path)
    scores, found = index.search(rows[:3], 1)
    assert found.tolist() == [[0], [1], [2]]
    assert scores.tolist() == [[0.0], [0.0], [0.0]]
    assert json.loads(index.describe())["num_candidates"] == 5


def test_errors_are_exceptions(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="num_leaves is 0, but must be at least 1"):
        _engine.Builder(str(tmp_path / "index"), 4, {"num_leaves": 0})
    with pytest.raises(FileNotFoundError, match="cannot open"):
        _engine.Index.open(str(tmp_path / "missing"))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-p", "no:cacheprovider"]))
