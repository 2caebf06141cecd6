"""Compiles the engine module, and an op library for each TensorFlow at hand.

That is the one in the environment; or those of the Python interpreters, separated by colons, in
TFSCANN_TENSORFLOW_PYTHONS (tools/build_wheel.py).

The sources are the ones that the BUILD files list; tests/python/test_build_files.py compares.
"""

import os
import pathlib
import sys
from typing import Any

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
    "-g0",  # Python was built with debug information, and asks for it
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


def require_tensorflow(python: str) -> TensorFlow:
    """The TensorFlow of an interpreter; exits with one line if there is none that will do."""
    tensorflow = find_tensorflow(python)
    supported = "TensorFlow {}.{} to {}.{}".format(*OLDEST, *NEWEST)
    if tensorflow is None:
        sys.exit(f"tensorflow-scann builds against {supported}, but {python} has none")
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
    """Gives op libraries, which are no Python modules, their names, and each its own objects."""

    def get_ext_filename(self, fullname: str) -> str:
        """See setuptools."""
        if fullname.rpartition(".")[2].startswith("_ops_tf_"):
            return str(pathlib.Path(*fullname.split("."))) + ".so"
        filename: str = super().get_ext_filename(fullname)
        return filename

    def build_extension(self, ext: Extension) -> None:
        """See setuptools."""
        shared = self.build_temp
        self.build_temp = os.path.join(shared, ext.name)
        super().build_extension(ext)
        self.build_temp = shared


def search_library() -> tuple[str, dict[str, Any]]:
    """The search, which every extension links; compiled once."""
    options = {
        "sources": sources(SEARCH_FOLDERS),
        "obj_deps": {"": headers()},
        "include_dirs": ["."],
        "cflags": COMPILE_FLAGS,
    }
    return "tensorflow_scann_search", options


def engine_extension() -> Extension:
    """The module `_engine`."""
    return Extension(
        "tensorflow_scann._engine",
        sources(BUILD_FOLDERS + PYBIND_FOLDERS),
        depends=headers(),
        include_dirs=["."],
        extra_compile_args=[*COMPILE_FLAGS, "-isystem", pybind11.get_include()],
        extra_link_args=["-pthread"],
        language="c++",
    )


def ops_extension(tensorflow: TensorFlow) -> Extension:
    """The op library for a TensorFlow."""
    return Extension(
        "tensorflow_scann._ops_tf_{}_{}".format(*tensorflow.minor),
        sources(OPS_FOLDERS),
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
    )


def extensions() -> list[Extension]:
    """The engine module and the op libraries."""
    pythons = os.environ.get("TFSCANN_TENSORFLOW_PYTHONS", sys.executable).split(os.pathsep)
    tensorflows = {tf.minor: tf for tf in map(require_tensorflow, pythons)}
    return [engine_extension(), *map(ops_extension, tensorflows.values())]


# Importing this file, as the test does, builds nothing.
if __name__ == "__main__":
    ParallelCompile("TFSCANN_BUILD_JOBS").install()
    setup(
        libraries=[search_library()],
        ext_modules=extensions(),
        cmdclass={"build_ext": BuildExtensions},
    )
