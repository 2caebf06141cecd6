"""Speed at equal recall, ours and the peers': `python -m benchmarks.recall_qps`.

README.md in this folder has the protocol. A run prepares the data, builds every index, tunes,
measures in interleaved rounds, and writes Markdown, JSON and a plot; `main` reads in this order.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks import datasets, machine, plot, report, wink_glove
from benchmarks.results import Run, modes
from benchmarks.session import K, Kind, Options, Session
from benchmarks.systems import SYSTEMS

ROUNDS = 5
QUICK_ROUNDS, QUICK_CANDIDATES = 2, 60_000
TWO_TOWER_CANDIDATES, TWO_TOWER_DIMENSIONS, TWO_TOWER_SEED = 200_000, 64, 0


def main(arguments: list[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    parsed = _parse(arguments)
    started = datetime.datetime.now(datetime.timezone.utc)
    cache = wink_glove.cache_folder()
    dataset = _prepare_dataset(parsed, cache)
    kind = Kind(dataset.distance_measure, parsed.reordering_dtype)
    options = Options(
        systems=tuple(system for system in SYSTEMS if system.name in parsed.systems),
        kind=kind,
        cache=cache,
        threads=parsed.threads,
        rounds=parsed.rounds,
        setup_peers=parsed.setup_peers,
        reuse_indexes=parsed.reuse_indexes,
        coarse=parsed.quick,
    )
    n, d = dataset.shape()
    about = {
        "date": started.strftime("%Y-%m-%d %H:%M UTC"),
        "command": shlex.join(["python", "-m", "benchmarks.recall_qps", *arguments]),
        "machine": machine.describe(),
        "dataset": {"name": dataset.name, "candidates": n, "dimensions": d, "k": K},
        "kind": dataclasses.asdict(kind),
        "rounds": options.rounds,
    }
    run = Run(about, modes(options.threads))
    session = Session(options, dataset, run)
    session.build_all()
    if not run.builds:
        sys.exit("nothing to measure: install tensorflow-scann, or create peers with --setup-peers")
    with ExitStack() as stack:
        session.load_all(stack)
        session.tune()
        session.measure()
    minutes = (datetime.datetime.now(datetime.timezone.utc) - started).total_seconds() / 60
    about["minutes"] = round(minutes, 1)
    name = dataset.name if kind.reordering_dtype == "float32" else f"{dataset.name}_int8"
    stem = f"recall_qps_{name}_{started:%Y-%m-%d}"
    _write(run, parsed.output, stem)
    print(f"{minutes:.1f} minutes; results in {parsed.output / stem}.md, .json and .png")


def _parse(arguments: list[str]) -> argparse.Namespace:
    names = [system.name for system in SYSTEMS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall_qps",
        description="Compares queries a second at equal recall with other libraries.",
    )
    add = parser.add_argument
    add("--dataset", choices=("glove", "glove-published", "two-tower"), default="glove")
    add("--distance-measure", choices=("dot_product", "squared_l2"), default="dot_product")
    add("--reordering-dtype", choices=("float32", "int8"), default="float32")
    add("--candidates", type=int, help="use so many candidates (default: the whole set)")
    add("--systems", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    add("--setup-peers", action="store_true", help="create the peers' virtual environments")
    add("--reuse-indexes", action="store_true", help="keep the peers' indexes of an earlier run")
    add("--rounds", type=int, help=f"timed rounds (default: {ROUNDS})")
    add("--threads", type=int, default=machine.usable_cpus(), help="threads (default: all cores)")
    add("--quick", action="store_true", help="few candidates, builds, settings and rounds")
    add("--output", type=Path, default=Path(__file__).parent / "results", help="folder to write to")
    parsed = parser.parse_args(arguments)
    for name in ("candidates", "rounds", "threads"):
        if getattr(parsed, name) is not None and getattr(parsed, name) < 1:
            parser.error(f"--{name} is {getattr(parsed, name)}, and must be at least 1")
    if parsed.rounds is None:
        parsed.rounds = QUICK_ROUNDS if parsed.quick else ROUNDS
    if parsed.quick and parsed.candidates is None:
        parsed.candidates = QUICK_CANDIDATES
    if parsed.dataset == "two-tower" and parsed.distance_measure != "dot_product":
        parser.error("--distance-measure is squared_l2, and two-tower is for dot products")
    return parsed


def _prepare_dataset(parsed: argparse.Namespace, cache: Path) -> datasets.Dataset:
    """Fetches or makes the data set, or takes it from the cache."""
    if parsed.dataset == "two-tower":
        n = parsed.candidates or TWO_TOWER_CANDIDATES
        return datasets.two_tower_like(n, TWO_TOWER_DIMENSIONS, TWO_TOWER_SEED, cache)
    whole = datasets.glove(cache, parsed.dataset == "glove", parsed.distance_measure)
    return datasets.head(whole, parsed.candidates) if parsed.candidates else whole


def _write(run: Run, folder: Path, stem: str) -> None:
    """Writes the three files, named `stem` plus .json, .md and .png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.json").write_text(json.dumps(run.to_json(), indent=1) + "\n")
    (folder / f"{stem}.md").write_text(report.markdown(run, plot_name=f"{stem}.png"))
    plot.draw(run, folder / f"{stem}.png")


if __name__ == "__main__":
    main()
