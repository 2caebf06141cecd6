"""Compiles the engine module and the op library for the TensorFlow at hand.

The sources are the ones that the BUILD files list; tests/python/test_build_files.py compares.
"""

import pathlib
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).parent
sys.path.insert(0, str(ROOT / "tools"))

import pybind11  # noqa: E402
from pybind11.setup_helpers import ParallelCompile  # noqa: E402
from tensorflow_flags import NEWEST, OLDEST, TensorFlow, find_tensorflow  # noqa: E402

# What a model server needs, what training adds, and the two boundaries.
SEARCH_FOLDERS = ["cc/kernels", "cc/search", "cc/io"]
BUILD_FOLDERS = ["cc/build"]
PYBIND_FOLDERS = ["cc/pybind"]
OPS_FOLDERS = ["cc/tf"]

# No flag may ask for an instruction set: kernels choose theirs at run time.
COMPILE_FLAGS = [
    "-std=c++17",
    "-O3",
    "-DNDEBUG",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Wno-psabi",
    "-Wno-sign-compare",
    "-Wno-unused-parameter",
]


def sources(folders: list[str]) -> list[str]:
    """The .cc files of the folders, relative to the root."""
    return sorted(
        str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).glob("*.cc")
    )


def headers() -> list[str]:
    """What a change of rebuilds everything."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "cc").glob("*/*.h"))


def require_tensorflow() -> TensorFlow:
    """The TensorFlow to build against; exits with one line if there is none that will do."""
    tensorflow = find_tensorflow()
    supported = "TensorFlow {}.{} to {}.{}".format(*OLDEST, *NEWEST)
    if tensorflow is None:
        sys.exit(f"tensorflow-scann builds against {supported}, but none is installed")
    if not OLDEST <= tensorflow.minor <= NEWEST:
        sys.exit(f"tensorflow-scann builds against {supported}, not {tensorflow.version}")
    return tensorflow


def as_system_headers(flags: list[str]) -> list[str]:
    """Our warnings are about our code."""
    return [
        part
        for flag in flags
        for part in (["-isystem", flag[2:]] if flag.startswith("-I") else [flag])
    ]


class BuildExtensions(build_ext):
    """Gives the op library, which is no Python module, its name."""

    def get_ext_filename(self, fullname: str) -> str:
        """See setuptools."""
        if fullname.rpartition(".")[2].startswith("_ops_tf_"):
            return str(pathlib.Path(*fullname.split("."))) + ".so"
        filename: str = super().get_ext_filename(fullname)
        return filename


def extensions() -> list[Extension]:
    """The engine module, and the op library."""
    tensorflow = require_tensorflow()
    ops = "_ops_tf_{}_{}".format(*tensorflow.minor)
    return [
        Extension(
            "tensorflow_scann._engine",
            sources(SEARCH_FOLDERS + BUILD_FOLDERS + PYBIND_FOLDERS),
            depends=headers(),
            include_dirs=["."],
            extra_compile_args=[*COMPILE_FLAGS, "-isystem", pybind11.get_include()],
            extra_link_args=["-pthread"],
            language="c++",
        ),
        Extension(
            f"tensorflow_scann.{ops}",
            sources(SEARCH_FOLDERS + OPS_FOLDERS),
            depends=headers(),
            include_dirs=["."],
            extra_compile_args=[
                *as_system_headers(tensorflow.compile_flags),
                *COMPILE_FLAGS,
                # TensorFlow deprecates what the oldest supported one has no other name for.
                "-Wno-deprecated-declarations",
            ],
            extra_link_args=[
                *tensorflow.link_flags,
                "-Wl,--version-script=cc/tf/exports.lds",
                "-pthread",
            ],
            language="c++",
        ),
    ]


# Importing this file, as the test does, builds nothing.
if __name__ == "__main__":
    ParallelCompile("TFSCANN_BUILD_JOBS").install()
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExtensions})
