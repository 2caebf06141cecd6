"""A served model against TFRS with scann: `python -m benchmarks.serving`.

Both run on TensorFlow 2.20, the only one that scann's ops load into, with the same C++ program as
clients (serving_client.cc) and server (that of the tests), at equal recall on the GloVe data.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, downloads, machine

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("tensorflow-cpu==2.20.*", "setuptools>=77", "pybind11>=2.13,<4")
# Without their dependency on the package `tensorflow`.
LOOSE_REQUIREMENTS = ("tensorflow-recommenders==0.7.7", "scann==1.4.2", "tf-keras==2.20.*")
OURS, TFRS = "tensorflow-scann", "TFRS, scann"
ROUNDS = 3
# What serving_client says of a server, beside its measurements of clients.
FIGURES = (
    "load_s",
    "warmup_requests",
    "loaded_mb",
    "first_us",
    "second_us",
    "ninth_us",
    "median_us",
    "after_pause_us",
    "calling_thread_us",
    "change_first_us",
    "change_later_us",
)


def main(arguments: list[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving")
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument(
        "--reuse-models", action="store_true", help="those of the last run, and its eager calls"
    )
    parsed = parser.parse_args(arguments)
    cache = downloads.cache_folder() / "serving"
    python = set_up(cache / "environment")
    dataset = datasets.glove(downloads.cache_folder())
    stored = cache / "models.json"
    if not (parsed.reuse_models and stored.exists()):
        models = make_models(python, dataset, parsed.recall, cache / "models")
        stored.write_text(json.dumps(models))
    models = json.loads(stored.read_text())
    program = compile_client(python, cache)
    queries = cache / "queries.f32"
    np.load(dataset.queries_path).astype(np.float32).tofile(queries)
    truth = np.load(dataset.ground_truth_path)[:, :10]

    answers = cache / "answers.i32"
    # Each system's model, and the variants that it has.
    served = {}
    for name, system in models["systems"].items():
        served[name] = [system["op_library"], system["saved_model"]]
        for variant, path in system["variants"].items():
            served[variant] = [system["op_library"], path]
    rounds: dict[str, list[Any]] = {name: [] for name in served}
    recall: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, model in served.items():
            asked = [queries, dataset.shape()[1], parsed.seconds, answers]
            rounds[name].append(json.loads(run([*map(str, [program, *model, *asked])])))
            found = np.fromfile(answers, np.int32).reshape(-1, 10)
            hits = (found[:, :, None] == truth[: len(found), None]).any(axis=2)
            recall[name] = float(hits.mean())
    measured = {name: {"recall": recall[name], **medians(rounds[name])} for name in served}
    result = {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join(["python", "-m", "benchmarks.serving", *arguments]),
        "machine": machine.describe(),
        "tensorflow": models["tensorflow"],
        "systems": {
            name: {**without_paths(system), **measured[name]}
            for name, system in models["systems"].items()
        },
        "variants": {name: measured[name] for name in measured if name not in models["systems"]},
    }
    stem = parsed.output / f"serving_{result['date']}"
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    text = report(result)
    stem.with_suffix(".md").write_text(text)
    print(text)


def set_up(folder: Path) -> Path:
    """An environment with TFRS, scann and the package of this source tree; its interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        run([*pip, *REQUIREMENTS])
        run([*pip, "--no-deps", *LOOSE_REQUIREMENTS])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-build-isolation"]
    run([*pip, str(ROOT)], cwd=ROOT)
    return python


def run(command: list[str], **options: Any) -> str:
    """Runs a command without TensorFlow's log; what it prints."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **options
    )
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command[:3])} failed: {finished.stderr[-2000:]}")
    return str(finished.stdout)


def make_models(python: Path, dataset: datasets.Dataset, recall: float, folder: Path) -> Any:
    script = ROOT / "benchmarks" / "serving_models.py"
    files = (dataset.candidates_path, dataset.queries_path, dataset.ground_truth_path)
    command = [python, script, *files, recall, folder]
    return json.loads(run([str(part) for part in command]).splitlines()[-1])


def compile_client(python: Path, folder: Path) -> Path:
    question = "import tensorflow as tf; print(tf.sysconfig.get_lib())"
    library = run([str(python), "-c", question]).split()[-1]
    program = folder / "serving_client"
    command = [os.environ.get("CXX", "g++"), "-std=c++17", "-O2", "-DEIGEN_MAX_ALIGN_BYTES=64"]
    command += ["-w", str(ROOT / "benchmarks" / "serving_client.cc")]
    command += [str(ROOT / "tests" / "cc" / "tf" / "model_server.cc"), "-I", str(ROOT)]
    command += ["-isystem", f"{library}/include", f"-L{library}", "-Wl,--no-as-needed"]
    command += ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    command += [f"-Wl,-rpath,{library}", "-pthread", "-o", str(program)]
    run(command)
    return program


def without_paths(system: dict[str, Any]) -> dict[str, Any]:
    """What is worth keeping about a system's models."""
    paths = ("op_library", "saved_model", "variants")
    return {key: system[key] for key in system if key not in paths}


def medians(rounds: list[Any]) -> dict[str, Any]:
    """Each figure's median over the rounds."""
    figures = {name: statistics.median(result[name] for result in rounds) for name in FIGURES}
    measured = [
        {
            name: value if isinstance(value, str) else statistics.median(p[name] for p in parts)
            for name, value in parts[0].items()
        }
        for parts in zip(*(result["measured"] for result in rounds), strict=True)
    ]
    return {**figures, "measured": measured}


def slowdowns(slow: list[Any], fast: list[Any]) -> list[str]:
    return [
        f"batch {a['batch']:.0f} {a['p50_us']:,.0f} us beside {b['p50_us']:,.0f}"
        for a, b in zip(slow, fast, strict=True)
        if a["clients"] == 1
    ]


def report(result: Any) -> str:
    ours, tfrs = result["systems"][OURS], result["systems"][TFRS]
    warmed_up, core_ops = result["variants"]["warmed-up"], result["variants"]["core-ops"]
    our_client, their_client = ours["measured"][0], tfrs["measured"][0]
    own_thread = (ours["calling_thread_us"], tfrs["calling_thread_us"])
    changed = (ours["change_first_us"], tfrs["change_first_us"])
    after_pause = (ours["after_pause_us"], tfrs["after_pause_us"])
    rows = [
        ("recall@10", ours["recall"], tfrs["recall"], None),
        ("loading, s", ours["load_s"], tfrs["load_s"], "down"),
        ("memory after loading, MB", ours["loaded_mb"], tfrs["loaded_mb"], "down"),
        ("first query after loading, us", ours["first_us"], tfrs["first_us"], "down"),
        ("the same after one warm-up request, us", ours["second_us"], tfrs["second_us"], "down"),
        ("the same after eight warm-up requests, us", ours["ninth_us"], tfrs["ninth_us"], "down"),
        ("first query of a version changed to, us", *changed, "down"),
        ("one query, session run in C++, us", ours["median_us"], tfrs["median_us"], "down"),
        ("the same after the first 200, us", our_client["p50_us"], their_client["p50_us"], "down"),
        ("that, on the calling thread, us", *own_thread, "down"),
        ("one query after a pause of 20 ms, us", *after_pause, "down"),
        ("one query, eager call of the layer, us", ours["eager_us"], tfrs["eager_us"], "down"),
        ("one query, Searcher.search, us", ours["searcher_us"], tfrs["eager_us"], "down"),
        ("one query, tf.function, us", ours["function_us"], tfrs["function_us"], "down"),
    ]
    lines = [
        f"# Serving, {result['date']}",
        "",
        f"331,479 x 100 GloVe vectors, k = 10, TensorFlow {result['tensorflow']}, "
        f"{result['machine']['cpu']}, {result['machine']['cpus']} processors. "
        f"`{result['command']}`; medians of three rounds, the systems in turn.",
        "",
        f"- {OURS}: {ours['config']}",
        f"- {TFRS} (TFRS 0.7.7, scann 1.4.2): {tfrs['config']}",
        "",
        f"| | {OURS} | {TFRS} | ratio |",
        "|---|---|---|---|",
    ]
    for name, of_ours, of_tfrs, direction in rows:
        ratio = f"{of_tfrs / of_ours:.2f}" if direction else ""
        lines.append(f"| {name} | {of_ours:,.4g} | {of_tfrs:,.4g} | {ratio} |")
    lines += [
        "",
        f"{OURS}'s model with {warmed_up['warmup_requests']:.0f} warm-up requests: loaded, and all "
        f"of them answered, in {warmed_up['load_s']:.3f} s. While a client asks a server on and "
        "on, another thread loads the model again and the server changes to it: the first query "
        f"of the new version takes {warmed_up['change_first_us']:.0f} us, the median of the 200 "
        f"after it is {warmed_up['change_later_us']:.0f} us "
        f"({warmed_up['change_first_us'] / warmed_up['change_later_us']:.2f} times). In a process "
        f"that has just started, the first query takes {warmed_up['first_us']:.0f} us, the median "
        f"of the first 201 is {warmed_up['median_us']:.0f} us "
        f"({warmed_up['first_us'] / warmed_up['median_us']:.2f} times); any query after a pause "
        f"of 20 ms takes {warmed_up['after_pause_us']:.0f} us.",
        "",
        f'{OURS}\'s model of `ops="tensorflow"` (recall {core_ops["recall"]:.4f}), beside the '
        "model that needs the ops, one client: "
        + ", ".join(slowdowns(core_ops["measured"], ours["measured"]))
        + ".",
        "",
        "The row of `Searcher.search` has TFRS's eager call beside it. Ratios: how many times "
        "faster, or less. On the calling thread: with a `RunOptions.inter_op_thread_pool` of -1.",
        "",
        "Closed-loop clients of a server that runs each request by itself, and of one that batches "
        "(up to 32 queries, waiting 100 us at most):",
        "",
        f"| server | batch | clients | {OURS}: p50, p99, us | queries/s | {TFRS}: p50, p99, us "
        "| queries/s | ratio of queries/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for a, b in zip(ours["measured"], tfrs["measured"], strict=True):
        lines.append(
            f"| {a['server']} | {a['batch']:.0f} | {a['clients']:.0f} | "
            f"{a['p50_us']:,.0f}, {a['p99_us']:,.0f} | {a['qps']:,.0f} | "
            f"{b['p50_us']:,.0f}, {b['p99_us']:,.0f} | {b['qps']:,.0f} | "
            f"{a['qps'] / b['qps']:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
