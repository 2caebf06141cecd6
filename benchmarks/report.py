"""Renders a Run as Markdown: speed at equal recall, ratios, building, every point measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from benchmarks.results import TARGETS, Mode, Run, Spread, spread
from benchmarks.systems import OURS

MISSING = "-"


def markdown(run: Run, plot_name: str) -> str:
    """The whole report. plot_name: file name of the plot, in the same folder."""
    parts = [_heading(run), f"![Queries a second over recall]({plot_name})", _how_to_read(run)]
    for mode in run.modes:
        parts += [f"## {mode.title}", _equal_recall(run, mode), *_comparisons(run, mode)]
    parts += ["## Building and loading", _builds(run)]
    parts += ["## Every point measured", "Builds are numbered as above.", _points(run)]
    return "\n\n".join(parts) + "\n"


def ratios(run: Run) -> str:
    """Only how many times as fast we are as the peers, and all threads as one."""
    parts = []
    for mode in run.modes:
        if tables := _comparisons(run, mode):
            parts += [mode.title, *tables]
    return "\n\n".join(parts)


def _heading(run: Run) -> str:
    about, machine, dataset = run.about, run.about["machine"], run.about["dataset"]
    size = f"{dataset['candidates']:,} candidates of {dataset['dimensions']} dims"
    caches = ", ".join(f"{level} {kilobytes}" for level, kilobytes in machine["caches"].items())
    lines = [
        f"# {dataset['name']}: {size}, recall@{dataset['k']}",
        "",
        f"- Date: {about['date']}; took {about['minutes']} minutes",
        f"- Command: `{about['command']}`",
        f"- CPU: {machine['cpu']}; {machine['cpus']} processors; {caches}",
        f"- Instruction sets: {', '.join(machine['instruction_sets'])}",
        f"- Memory and system: {machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}",
        f"- Load average at the start: {machine['load_average_at_start']:.1f}",
    ]
    for system, found in run.versions.items():
        lines.append(f"- {system}: " + ", ".join(f"{name} {found[name]}" for name in found))
    lines += [f"- Not measured: {reason}" for reason in run.skipped.values()]
    return "\n".join(lines)


def _how_to_read(run: Run) -> str:
    one_thread = {mode.name for mode in run.modes if mode.threads == 1}
    points = [point for point in run.points if point.mode in one_thread]
    busy = spread([answer["busy_cpus"] for point in points for answer in point.rounds])
    return (
        "Settings were tuned on the first 5,000 queries; recall is that of the other 5,000. "
        "A figure at a recall is interpolated on the system's own frontier (its logarithm linear "
        f"in recall): the median of {run.about['rounds']} interleaved rounds, smallest and largest "
        f"in brackets, {MISSING} where the frontier does not reach. Ratios are taken within a "
        f"round. One-thread timings kept {busy.median:.2f} processors busy in the median, "
        f"{busy.low:.2f} to {busy.high:.2f} in all: less than 1 where other programs interfered "
        "(timings with less than 0.95 of each of their processors were repeated, and the least "
        "disturbed kept)."
    )


def _equal_recall(run: Run, mode: Mode) -> str:
    """Queries a second by system and recall; for single queries also the latencies."""
    headers = ["queries a second", *(f"recall {target:.2f}" for target in TARGETS)]
    single = mode.call == "single"
    if single:
        headers += [f"p50 / p99 µs at {target:.2f}" for target in TARGETS]
    rows = []
    for system in run.systems():
        row = [system, *(_count(_at(run, system, mode, "qps", target)) for target in TARGETS)]
        if single:
            row += [_latencies(run, system, mode, target) for target in TARGETS]
        rows.append(row)
    return _table(headers, rows)


def _comparisons(run: Run, mode: Mode) -> list[str]:
    """The tables of ratios that there are for a mode."""
    tables = []
    if OURS in run.systems() and len(run.systems()) > 1:
        tables.append(_ratios(run, mode))
    if mode.threads > 1:
        tables.append(_scaling(run))
    return tables


def _ratios(run: Run, mode: Mode) -> str:
    """How many times as fast we are as each peer."""
    rows = []
    for peer in run.systems():
        if peer != OURS:
            ratios = [run.ratio(OURS, peer, mode.name, target) for target in TARGETS]
            rows.append([f"{OURS} / {peer}", *(_ratio(ratio) for ratio in ratios)])
    return _table(["times as fast", *(f"recall {target:.2f}" for target in TARGETS)], rows)


def _scaling(run: Run) -> str:
    """How many times as many queries all threads answer as one does, by system."""
    rows = [
        [system, *(_ratio(run.scaling(system, target)) for target in TARGETS)]
        for system in run.systems()
    ]
    return _table(["times as many as on one", *(f"recall {at:.2f}" for at in TARGETS)], rows)


def _builds(run: Run) -> str:
    headers = ["", "system", "settings", "build s", "peak MB", "index MB", "load s"]
    headers += ["first query ms", "loaded MB"]
    rows = []
    for number, build in enumerate(run.builds, 1):
        row = [
            number,
            build.system,
            _settings(build.settings),
            f"{build.seconds:.1f}" + (" (earlier run)" if build.built_earlier else ""),
        ]
        row += [f"{size / 1e6:.0f}" for size in (build.peak_bytes, build.index_bytes)]
        row += [f"{build.load_seconds:.2f}", f"{build.first_query_seconds * 1e3:.1f}"]
        row += [f"{build.grown_bytes / 1e6:.0f}"]
        rows.append(row)
    note = (
        f"Built with {run.modes[-1].threads} threads; the time includes writing the index. "
        "Peak MB: the most memory of the building process, candidates included. "
        "Loaded MB: what loading and all the searches added to the memory of the searching process."
    )
    return note + "\n\n" + _table(headers, rows)


def _points(run: Run) -> str:
    headers = ["mode", "system", "build", "search", "recall", "queries a second"]
    headers += ["p50 µs", "p99 µs", "queries timed"]
    modes = [mode.name for mode in run.modes]
    systems = run.systems()
    order = sorted(
        run.points, key=lambda p: (modes.index(p.mode), systems.index(p.system), p.recall)
    )
    rows = []
    for point in order:
        row = [point.mode, point.system, point.build + 1, _settings(point.settings)]
        row += [f"{point.recall:.4f}", _count(spread([a["qps"] for a in point.rounds]))]
        if "p50_us" in point.rounds[0]:
            row += [f"{point.median('p50_us'):.0f}", f"{point.median('p99_us'):.0f}"]
        else:
            row += ["", ""]
        rows.append([*row, point.timed_queries])
    return _table(headers, rows)


def _at(run: Run, system: str, mode: Mode, measure: str, target: float) -> Spread | None:
    values = run.at_recall(system, mode.name, measure, target)
    return None if values is None else spread(values)


def _latencies(run: Run, system: str, mode: Mode, target: float) -> str:
    p50 = _at(run, system, mode, "p50_us", target)
    p99 = _at(run, system, mode, "p99_us", target)
    return MISSING if p50 is None or p99 is None else f"{p50.median:.0f} / {p99.median:.0f}"


def _count(value: Spread | None) -> str:
    if value is None:
        return MISSING
    return f"{value.median:,.0f} ({value.low:,.0f} to {value.high:,.0f})"


def _ratio(value: Spread | None) -> str:
    if value is None:
        return MISSING
    return f"{value.median:.2f} ({value.low:.2f} to {value.high:.2f})"


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "automatic"


def _table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)
