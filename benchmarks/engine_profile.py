"""Where a query's time goes: `python -m benchmarks.engine_profile`.

Builds the default index of the GloVe data (or takes `--index`), compiles engine_profile.cc with the
engine's own sources, and prints, for one query at a time and for a batch, nanoseconds and bytes of
every stage, nanoseconds of the kernel that scans codes, and what lookups alone and reading alone
would take of the scan.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, downloads
from benchmarks.peers.ours import load_engine

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("cc/kernels", "cc/search", "cc/io")
FLAGS = ("-std=c++17", "-O3", "-DNDEBUG", "-fno-math-errno", "-Wno-psabi", "-I.", "-pthread")
BATCH = 1000


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine_profile")
    parser.add_argument("--index", type=Path, help="an index of the GloVe data; default: built")
    parser.add_argument("--leaves", type=int, default=24, help="leaves searched")
    parser.add_argument("--reordered", type=int, default=65, help="candidates reordered")
    parsed = parser.parse_args(arguments)
    dataset = datasets.glove(downloads.cache_folder())
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(Path(folder))
        index = parsed.index or build_index(dataset, Path(folder))
        queries = Path(folder) / "queries.f32"
        np.load(dataset.queries_path).astype(np.float32).tofile(queries)
        for batch in (1, BATCH):
            command = [program, index, queries, parsed.leaves, parsed.reordered, batch]
            output = subprocess.run(
                [str(part) for part in command], check=True, stdout=subprocess.PIPE
            ).stdout
            print(table(json.loads(output)))


def compile_program(folder: Path) -> Path:
    """Compiles engine_profile.cc into `folder`, a file a processor at a time."""
    sources = [str(Path("benchmarks") / "engine_profile.cc")]
    sources += [
        str(path.relative_to(ROOT))
        for part in SOURCES
        for path in sorted((ROOT / part).glob("*.cc"))
    ]
    compiler = os.environ.get("CXX", "g++")
    waiting = list(sources)
    running: list[subprocess.Popen[bytes]] = []
    objects: list[str] = []
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            source = waiting.pop()
            objects.append(str(folder / (source.replace("/", "_") + ".o")))
            command = [compiler, *FLAGS, "-c", source, "-o", objects[-1]]
            running.append(subprocess.Popen(command, cwd=ROOT))
        if running.pop(0).wait() != 0:
            sys.exit("engine_profile.cc or the engine does not compile")
    program = folder / "engine_profile"
    subprocess.run([compiler, *objects, "-pthread", "-o", str(program)], check=True)
    return program


def build_index(dataset: datasets.Dataset, folder: Path) -> Path:
    """Builds the index that nothing but k is given for."""
    path = folder / "index.tfscann"
    candidates = np.load(dataset.candidates_path)
    builder = load_engine().Builder(str(path), candidates.shape[1], {"k": 10})
    builder.add(candidates)
    builder.finish(os.cpu_count() or 1)
    return path


def table(profile: dict[str, Any]) -> str:
    """The profile as text."""
    total = sum(stage["ns"] for stage in profile["stages"].values())
    lines = [
        f"{profile['target']}, {profile['batch']} a batch: {profile['candidates_scanned']:.0f} "
        f"candidates scanned, {profile['rows_reordered']:.0f} reordered",
        f"{'stage':14}{'ns':>9}{'share':>8}{'bytes':>10}{'GB/s':>7}",
    ]
    for name, stage in profile["stages"].items():
        rate = stage["bytes"] / stage["ns"]
        lines.append(
            f"{name:14}{stage['ns']:9.0f}{stage['ns'] / total:8.0%}"
            f"{stage['bytes']:10.0f}{rate:7.1f}"
        )
    lines.append(f"{'all':14}{total:9.0f}")
    scan, reading = profile["stages"]["scan"], profile["read_codes_ns"]
    lookups = profile["candidates_scanned"] * min(profile["lut16_ns"].values())
    if profile["batch"] == 1:
        lookups = profile["candidates_scanned"] * profile["lut16_ns"]["1"]
    lines.append(
        f"of the scan, lookups in the nearest cache: {lookups:.0f} ns "
        f"({lookups / scan['ns']:.0%}); "
        f"reading the codes alone, a query at a time: {reading} ns "
        f"({scan['bytes'] / reading:.0f} GB/s)"
    )
    lines += kernel_lines(profile)
    return "\n".join(lines) + "\n"


def kernel_lines(profile: dict[str, Any]) -> list[str]:
    """The kernel's time beside what this machine takes for its lookups, or its loads, alone."""
    lines = ["lut16 kernel, ns a candidate and query, and the share of the machine's limit:"]
    for count, ns in profile["lut16_ns"].items():
        limits = {"lookups": profile["lookups_ns"], "loads": profile["loads_ns"][count]}
        shares = ", ".join(
            f"{what} {limit:.3f} ({limit / ns:.0%})" for what, limit in limits.items()
        )
        lines.append(f"  {count} queries a pass: {ns:.3f}; alone: {shares}")
    return lines


if __name__ == "__main__":
    main()
