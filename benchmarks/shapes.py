"""Speed at equal recall beside the peers, at other shapes: `python -m benchmarks.shapes`.

Each shape is one run of recall_qps.py, with its protocol; the table has the queries a second of
tensorflow-scann at recall@10 0.95 and the ratios to each peer, one query at a time and in a batch
of 10,000, on one thread.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path

from tabulate import tabulate

from benchmarks import machine, recall_qps
from benchmarks.report import MISSING
from benchmarks.results import TARGETS, Run, spread
from benchmarks.systems import OURS

SHAPES = (
    "--dataset glove --candidates 10000",
    "--dataset glove --candidates 33000",
    "--dataset glove --candidates 100000",
    "--dataset glove --dimensions 32",
    "--dataset wordnet --dimensions 256",
    "--dataset wordnet --dimensions 384",
    "--dataset wordnet --dimensions 768",
    "--dataset two-tower --dimensions 64 --candidates 1000000",
)
PEERS = ("scann-core", "faiss-ivf")
ONE_THREAD = ("single", "batch_one_thread")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes")
    add = parser.add_argument
    add("--systems", nargs="+", default=[OURS, *PEERS], metavar="NAME", help="as in recall_qps")
    add("--rounds", type=int, default=3, help="timed rounds of each shape (default: 3)")
    add("--setup-peers", action="store_true", help="create the peers' virtual environments")
    add("--output", type=Path, default=Path(__file__).parent / "results", help="folder to write to")
    parsed = parser.parse_args(arguments)
    if OURS not in parsed.systems:
        parser.error(f"--systems has no {OURS}, which every other one is compared with")
    runs = []
    for shape in SHAPES:
        words = [*shape.split(), "--systems", *parsed.systems, "--rounds", str(parsed.rounds)]
        words += ["--reuse-indexes", *(["--setup-peers"] if parsed.setup_peers else [])]
        print(shape, file=sys.stderr)
        runs.append(recall_qps.measure(recall_qps.parse(words), shape))
        print(json.dumps(runs[-1].to_json()["at_equal_recall"]), flush=True)
    text = report(runs)
    print(text)
    stem = f"shapes_{datetime.date.today():%Y-%m-%d}"
    parsed.output.mkdir(parents=True, exist_ok=True)
    (parsed.output / f"{stem}.md").write_text(text)
    content = [run.to_json() for run in runs]
    (parsed.output / f"{stem}.json").write_text(json.dumps(content, indent=1) + "\n")


def report(runs: list[Run]) -> str:
    """The table of all shapes, as Markdown."""
    peers = list(dict.fromkeys(s for run in runs for s in run.systems() if s != OURS))
    headers = ["data set", "candidates", "dims", "recall", "asked", "queries a second"]
    headers += [f"times {peer}" for peer in peers]
    rows = []
    for run in runs:
        dataset = run.about["dataset"]
        for mode in (mode for mode in run.modes if mode.name in ONE_THREAD):
            for target in TARGETS:
                qps = run.at_recall(OURS, mode.name, "qps", target)
                row = [dataset["name"], f"{dataset['candidates']:,}", dataset["dimensions"]]
                row += [f"{target:.2f}", "alone" if mode.call == "single" else "batch"]
                row.append(MISSING if qps is None else f"{spread(qps).median:,.0f}")
                ratios = [run.ratio(OURS, peer, mode.name, target) for peer in peers]
                rows.append([*row, *(MISSING if r is None else f"{r.median:.2f}" for r in ratios)])
    about = machine.describe()
    return (
        "# Speed at equal recall@10, by shape\n\n"
        f"- `python -m benchmarks.shapes`, {datetime.date.today()}\n"
        f"- CPU: {about['cpu']}; {about['cpus']} processors\n\n"
        f"On one thread; {MISSING} where a frontier does not reach. Each system at its best "
        "settings of its grid at that recall.\n\n"
        + tabulate(rows, headers, tablefmt="github", disable_numparse=True)
        + "\n"
    )


if __name__ == "__main__":
    main()
