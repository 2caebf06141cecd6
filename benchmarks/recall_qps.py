"""Speed at equal recall, ours and the peers': `python -m benchmarks.recall_qps`.

README.md in this folder has the protocol. A run prepares the data, builds every index, tunes,
measures in interleaved rounds, writes Markdown, JSON and a plot, and prints the ratios; `main`
reads in this order.
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

from benchmarks import datasets, downloads, machine, plot, report
from benchmarks.results import Run, modes
from benchmarks.session import K, Kind, Options, Session
from benchmarks.systems import SYSTEMS

ROUNDS = 5
QUICK_ROUNDS, QUICK_CANDIDATES = 2, 60_000
TWO_TOWER_CANDIDATES, TWO_TOWER_SEED = 200_000, 0

# The dims that each data set comes in, the usual ones first; None: any number.
DIMENSIONS: dict[str, tuple[int, tuple[int, ...] | None]] = {
    "glove": (100, tuple(range(1, 101))),
    "glove-published": (100, (100,)),
    "glove-log-normal": (100, (100,)),
    "wordnet": (384, (256, 384, 768)),
    "two-tower": (64, None),
}

GLOVE_LENGTHS = {
    "glove": "unit",
    "glove-published": "published",
    "glove-log-normal": "log_normal",
}


def main(arguments: list[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    parsed = parse(arguments)
    run = measure(parsed, shlex.join(["python", "-m", "benchmarks.recall_qps", *arguments]))
    name = run.about["dataset"]["name"] + ("_int8" if parsed.reordering_dtype == "int8" else "")
    stem = f"recall_qps_{name}_{run.about['date'][:10]}"
    _write(run, parsed.output, stem)
    print(report.ratios(run), end="\n\n")
    print(f"{run.about['minutes']} minutes; results in {parsed.output / stem}.md, .json and .png")


def measure(parsed: argparse.Namespace, command: str) -> Run:
    """One comparison, by the parsed command line; exits where there is nothing to measure."""
    started = datetime.datetime.now(datetime.timezone.utc)
    cache = downloads.cache_folder()
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
        "command": command,
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
    return run


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; exits with an explanation where it makes no sense."""
    names = [system.name for system in SYSTEMS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall_qps",
        description="Compares queries a second at equal recall with other libraries.",
    )
    add = parser.add_argument
    add("--dataset", choices=tuple(DIMENSIONS), default="glove")
    add("--distance-measure", choices=("dot_product", "squared_l2"), default="dot_product")
    add("--reordering-dtype", choices=("float32", "int8"), default="float32")
    add("--candidates", type=int, help="use so many candidates (default: the whole set)")
    add("--dimensions", type=int, help="of the data set, where it comes in several")
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
    if parsed.dataset not in GLOVE_LENGTHS and parsed.distance_measure != "dot_product":
        parser.error(f"--distance-measure is squared_l2, and {parsed.dataset} is for dot products")
    usual, allowed = DIMENSIONS[parsed.dataset]
    parsed.dimensions = usual if parsed.dimensions is None else parsed.dimensions
    if parsed.dimensions < 1 or (allowed is not None and parsed.dimensions not in allowed):
        known = "any number above 0" if allowed is None else ", ".join(map(str, allowed))
        parser.error(f"--dimensions is {parsed.dimensions}; {parsed.dataset} comes in {known}")
    return parsed


def _prepare_dataset(parsed: argparse.Namespace, cache: Path) -> datasets.Dataset:
    """Fetches or makes the data set, or takes it from the cache."""
    if parsed.dataset == "two-tower":
        n = parsed.candidates or TWO_TOWER_CANDIDATES
        return datasets.two_tower_like(n, parsed.dimensions, TWO_TOWER_SEED, cache)
    if parsed.dataset == "wordnet":
        whole = datasets.wordnet_definitions(parsed.dimensions, cache)
    else:
        whole = datasets.glove(cache, GLOVE_LENGTHS[parsed.dataset], parsed.distance_measure)
    fewer = None if parsed.dimensions == whole.shape()[1] else parsed.dimensions
    return datasets.head(whole, parsed.candidates, fewer) if parsed.candidates or fewer else whole


def _write(run: Run, folder: Path, stem: str) -> None:
    """Writes the three files, named `stem` plus .json, .md and .png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.json").write_text(json.dumps(run.to_json(), indent=1) + "\n")
    (folder / f"{stem}.md").write_text(report.markdown(run, plot_name=f"{stem}.png"))
    plot.draw(run, folder / f"{stem}.png")


if __name__ == "__main__":
    main()
