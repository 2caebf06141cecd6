"""The module that Bazel built works in the interpreter that PYTHON_BIN_PATH names.

What the module does is tested in tests/python; this is about linking it.
"""

import json
import os
import tempfile
import unittest

import _engine
import numpy as np


class EngineTest(unittest.TestCase):
    def test_builds_opens_and_searches(self) -> None:
        rows = np.eye(5, 4, dtype=np.float32)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "index")
            builder = _engine.Builder(path, 4, {"distance_measure": "squared_l2"})
            builder.add(rows)
            builder.add_identifiers([b"a", b"b", b"c", b"d", b"e"])
            self.assertEqual(builder.finish(), 0)
            index = _engine.Index.open(path)
        scores, found = index.search(rows[:3], 1)
        self.assertEqual(found.tolist(), [[0], [1], [2]])
        self.assertEqual(scores.tolist(), [[0.0], [0.0], [0.0]])
        self.assertEqual(json.loads(index.describe())["num_candidates"], 5)

    def test_errors_are_exceptions(self) -> None:
        with self.assertRaisesRegex(ValueError, "num_leaves is 0, but must be at least 1"):
            _engine.Builder("index", 4, {"num_leaves": 0})
        with self.assertRaisesRegex(FileNotFoundError, "cannot open"):
            _engine.Index.open("missing")


if __name__ == "__main__":
    unittest.main()
