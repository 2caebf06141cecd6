"""The TensorFlow to build against, asked for its flags in a process of its own."""

import dataclasses
import json
import os
import subprocess
import sys

# The minor versions that are supported, and the versions of Python that each has wheels for.
_PYTHONS = {
    (2, 18): ((3, 9), (3, 12)),
    (2, 19): ((3, 9), (3, 12)),
    (2, 20): ((3, 9), (3, 13)),
    (2, 21): ((3, 10), (3, 13)),
}


OLDEST, NEWEST = min(_PYTHONS), max(_PYTHONS)


def minors_for(python: tuple[int, int]) -> list[tuple[int, int]]:
    """The minor versions of TensorFlow that there are wheels of for this Python, oldest first."""
    return [minor for minor, (oldest, newest) in _PYTHONS.items() if oldest <= python <= newest]


_QUESTION = """
import json, tensorflow as tf
print(json.dumps([tf.__version__, tf.sysconfig.get_compile_flags(), tf.sysconfig.get_link_flags()]))
"""


@dataclasses.dataclass(frozen=True)
class TensorFlow:
    """An installed TensorFlow: version, and flags for compiler and linker."""

    version: str
    compile_flags: list[str]
    link_flags: list[str]

    @property
    def minor(self) -> tuple[int, int]:
        """(2, 21) for 2.21.0."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)


def find_tensorflow(python: str = sys.executable) -> TensorFlow | None:
    """The TensorFlow of an interpreter's environment.

    Of this one: that of the build environment, or else of the environment that is built for.

    pip hides the latter behind PYTHONPATH when it isolates a build.
    """
    without_isolation = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for environment in (dict(os.environ), without_isolation):
        answer = subprocess.run(
            [python, "-c", _QUESTION],
            env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            return TensorFlow(*json.loads(answer.stdout.splitlines()[-1]))
    return None
