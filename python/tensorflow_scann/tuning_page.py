"""The page that `tune` writes: one file, with nothing to fetch."""

import dataclasses
import io
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np

from .config import IndexConfig
from .plotting import new_figure

if TYPE_CHECKING:
    from .tuning_report import IndexDetails, TuningReport

_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tuning of {{ "{:,}".format(report.num_candidates) }} candidates</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
tr.chosen { background: #fff0e6; font-weight: 600; }
pre { background: #f5f5f5; padding: 1rem; overflow-x: auto; }
svg { max-width: 100%; height: auto; }
.bar { display: inline-block; height: .8rem; background: #0072b2; }
.scroll { overflow-x: auto; }
td.share { min-width: 12rem; text-align: left; white-space: nowrap; }
</style>
</head>
<body>
<h1>Tuning of {{ "{:,}".format(report.num_candidates) }} candidates of
{{ report.dimensions }} dimensions</h1>
<p>{{ "{:,}".format(report.num_queries) }} queries, {{ report.batch_size }} at a time on one thread,
asked with {{ report.measurements | length }} settings. The chosen one is the fastest whose
recall@{{ report.k }} reached {{ report.target_recall }} and a margin, which made it
{{ "%.4f" | format(report.goal) }}, with the queries for choosing
{%- if report.chosen.tuning_recall < report.goal %}; none did, and it has the highest
recall{% endif %}. With the queries for reporting it finds
{{ "%.4f" | format(report.chosen.recall) }} of the true best {{ report.k }},
{{ "{:,.0f}".format(report.chosen.queries_per_second) }} queries a second.</p>

<h2>Settings to use</h2>
<pre>{{ code }}</pre>

<h2>Queries a second over recall</h2>
<div id="frontier">{{ frontier | safe }}</div>
<div class="scroll"><table>
<tr><th>recall@{{ report.k }}</th><th>queries a second</th><th>leaves</th><th>searched</th>
<th>reordered</th></tr>
{% for one in shown %}
<tr{% if one == report.chosen %} class="chosen"{% endif %}>
<td>{{ "%.4f" | format(one.recall) }}</td>
<td>{{ "{:,.0f}".format(one.queries_per_second) }}</td>
<td>{{ one.num_leaves or "exact" }}</td>
<td>{{ one.num_leaves_to_search or "" }}</td>
<td>{{ one.num_reordering_candidates or "" }}</td></tr>
{% endfor %}
</table></div>

<h2>The index</h2>
<p>{{ summary }}</p>
{% if histograms %}
<h2>Sizes of the leaves</h2>
<p>A query is faster the more alike they are: the smallest holds {{ "{:,}".format(smallest) }}
candidates, the median one {{ "{:,}".format(median) }}, the largest
{{ "{:,}".format(largest) }}.</p>
<div id="leaf-sizes">{{ histograms[0] | safe }}</div>
<h2>Error of the codes</h2>
<p>The distance from a candidate to the 4-bit code that stands for it, relative to the candidate's
length: {{ "%.3f" | format(mean_error) }} on average. The larger it is, the more candidates must be
scored again.</p>
<div id="code-errors">{{ histograms[1] | safe }}</div>
{% endif %}

<h2>Memory</h2>
<div class="scroll"><table>
<tr><th>section</th><th>bytes</th><th></th></tr>
{% for name, size in sections %}
<tr><td>{{ name }}</td><td>{{ "{:,}".format(size) }}</td><td class="share">
<span class="bar" style="width: {{ "%.2f" | format(9 * size / largest_section) }}rem"></span>
{{ "%.1f" | format(100 * size / total) }} %</td></tr>
{% endfor %}
<tr><td>file</td><td>{{ "{:,}".format(total) }}</td><td></td></tr>
</table></div>
</body>
</html>
"""


def render(
    report: "TuningReport", frontier: Any, config: IndexConfig, details: "IndexDetails"
) -> str:
    """The page's HTML. `frontier` is the figure of recall and speed."""
    histograms = []
    sizes, errors = details.leaf_sizes, details.code_errors
    if len(sizes) > 0:
        histograms = [
            _svg(_histogram(sizes, "candidates in a leaf", "leaves")),
            _svg(_histogram(errors, "relative error", "candidates")),
        ]
    sections = sorted(details.info.section_bytes.items(), key=lambda item: -item[1])
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.from_string(_TEMPLATE).render(
        report=report,
        shown=report.shown(),
        code=_code(config),
        frontier=_svg(frontier),
        summary=details.info.summary(),
        histograms=histograms,
        smallest=int(sizes.min(initial=2**62)),
        median=int(np.median(sizes)) if len(sizes) > 0 else 0,
        largest=int(sizes.max(initial=0)),
        mean_error=float(errors.mean()) if len(errors) > 0 else 0.0,
        sections=sections,
        largest_section=sections[0][1],
        total=details.info.file_bytes,
    )


def _code(config: IndexConfig) -> str:
    """What builds the index."""
    defaults = dataclasses.asdict(IndexConfig())
    lines = [
        f"    {name}={value!r},"
        for name, value in dataclasses.asdict(config).items()
        if value != defaults[name]
    ]
    text = "\n".join(["config = tfscann.IndexConfig(", *lines, ")"])
    return text + "\nsearcher = tfscann.Searcher.build(candidates, identifiers, config=config)"


def _histogram(values: np.ndarray, label: str, counted: str) -> Any:
    figure, axes = new_figure(8, 2.6)
    axes.hist(values, bins=50, color="#0072b2")
    axes.set_xlabel(label)
    axes.set_ylabel(counted)
    axes.grid(True, axis="y", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure


def _svg(figure: Any) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg")
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
