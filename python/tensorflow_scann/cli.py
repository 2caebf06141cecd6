"""The `tensorflow-scann` command.

TensorFlow is imported by what a command does, not by what it is: help and mistakes come at once.
"""

import json
import os
import pathlib
import re
import sys
import textwrap
import warnings
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from . import _engine
from .config import DISTANCE_MEASURES, EXPORT_OPS, REORDERING_DTYPES, IndexConfig
from .info import IndexInfo
from .version import __version__

if TYPE_CHECKING:
    from .searcher import Searcher

_PATH = click.Path(path_type=pathlib.Path)
_MAGIC = b"TFSCANN\0"  # what index files start with


def _load_array(parameter: str, path: pathlib.Path) -> np.ndarray:
    """The array of a .npy file, or the only one of a .npz file."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if len(loaded.files) != 1:
                raise click.UsageError(
                    f"{parameter}: {path} has {len(loaded.files)} arrays, but must have one"
                )
            array: np.ndarray = loaded[loaded.files[0]]
            return array
    except FileNotFoundError:
        raise click.UsageError(f"{parameter}: there is no file {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise click.UsageError(f"{parameter}: {path} is no .npy or .npz file: {error}") from None


def _load_identifiers(path: pathlib.Path) -> np.ndarray:
    """Lines of a .txt file, or the array of a .npy file."""
    if path.suffix in (".npy", ".npz"):
        return _load_array("--identifiers", path)
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        return np.array(lines, dtype=np.str_)
    except FileNotFoundError:
        raise click.UsageError(f"--identifiers: there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--identifiers: {path} is no text in UTF-8: {error}") from None


def _print_info(info: IndexInfo, as_json: bool) -> None:
    fields = dict(vars(info))
    if as_json:
        click.echo(json.dumps(fields))
        return
    click.echo(textwrap.fill(info.summary(), 80))
    sections = fields.pop("section_bytes")
    click.echo()
    for name, value in fields.items():
        if value is not None:
            click.echo(f"{name:<36}{value}")
    click.echo()
    for name, size in sorted(sections.items(), key=lambda item: -item[1]):
        click.echo(f"{name:<36}{size:>14,} bytes {size / info.file_bytes:>7.1%}")


def _config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for the fields of IndexConfig."""
    defaults = IndexConfig()
    options = [
        click.option("--distance-measure", type=click.Choice(DISTANCE_MEASURES)),
        click.option("--num-leaves", type=int, help="Partitions. Default: from the data."),
        click.option("--num-leaves-to-search", type=int, help="Default: measured."),
        click.option("--training-iterations", type=int),
        click.option("--dimensions-per-block", type=int),
        click.option("--num-reordering-candidates", type=int, help="Default: measured."),
        click.option("--soar-lambda", type=float, help="0: one partition a candidate."),
        click.option("--anisotropic-quantization-threshold", type=float),
        click.option("--reordering-dtype", type=click.Choice(REORDERING_DTYPES)),
        click.option("--target-recall", type=float),
        click.option("--k", type=int, help="Results that the target recall speaks of."),
        click.option("--seed", type=int),
    ]
    for option in reversed(options):
        command = option(command)
    for parameter in command.__click_params__:  # type: ignore[attr-defined]
        if parameter.name in IndexConfig.__dataclass_fields__:
            parameter.default = getattr(defaults, parameter.name)
            parameter.show_default = parameter.default is not None
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tensorflow-scann")
def cli() -> None:
    """Builds, searches and exports nearest-neighbour indexes."""


@cli.command()
@click.argument("embeddings", type=_PATH)
@click.option("--identifiers", type=_PATH, help=".txt, a line each; or .npy. Default: row numbers.")
@click.option("--output", type=_PATH, help="The index file to write.")
@click.option("--saved-model", type=_PATH, help="The SavedModel folder to write.")
@click.option(
    "--tuning-queries", type=_PATH, help=".npy of float [b, d]: what to reach the recall with."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@_config_options
def build(
    embeddings: pathlib.Path,
    identifiers: pathlib.Path | None,
    output: pathlib.Path | None,
    saved_model: pathlib.Path | None,
    tuning_queries: pathlib.Path | None,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Builds an index from EMBEDDINGS, a .npy or .npz file of float [n, d]."""
    if output is None and saved_model is None:
        raise click.UsageError("give --output, --saved-model or both")
    if output is not None and not output.absolute().parent.is_dir():
        raise click.UsageError(f"--output: there is no folder {output.parent}")
    config = IndexConfig(**parameters)
    candidates = _load_array("EMBEDDINGS", embeddings)
    names = None if identifiers is None else _load_identifiers(identifiers)
    queries = None if tuning_queries is None else _load_array("--tuning-queries", tuning_queries)

    from .searcher import Searcher

    searcher = Searcher.build(candidates, names, config=config, tuning_queries=queries)
    if output is not None:
        searcher.save(str(output))
    if saved_model is not None:
        from .exporting import export as write_saved_model

        write_saved_model(searcher, str(saved_model))
    _print_info(searcher.info(), as_json)


@cli.command()
@click.argument("index", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def info(index: pathlib.Path, as_json: bool) -> None:
    """Says what INDEX, an index file or a SavedModel, is."""
    _print_info(_load(_index_file(index)).info(), as_json)


@cli.command()
@click.argument("index", type=_PATH)
@click.argument("saved_model", type=_PATH)
@click.option(
    "--ops",
    type=click.Choice(EXPORT_OPS),
    default=EXPORT_OPS[0],
    show_default=True,
    help="tensorflow: for a server without this package's ops; slower.",
)
@click.option(
    "--warmup-queries", type=_PATH, help=".npy of float [b, d]: requests for a server's warm-up."
)
def export(
    index: pathlib.Path, saved_model: pathlib.Path, ops: str, warmup_queries: pathlib.Path | None
) -> None:
    """Writes the SavedModel folder SAVED_MODEL from INDEX, an index file or a SavedModel."""
    queries = None if warmup_queries is None else _load_array("--warmup-queries", warmup_queries)
    searcher = _load(_index_file(index))

    from .exporting import export as write_saved_model

    write_saved_model(searcher, str(saved_model), ops=ops, warmup_queries=queries)


@cli.command()
@click.argument("index", type=_PATH)
@click.option("--queries", type=_PATH, help=".npy of float [b, d] or [d].")
@click.option(
    "--identifier",
    "names",
    multiple=True,
    help="Of a candidate that is the query; may be given several times.",
)
@click.option("--k", type=int, help="Results a query. Default: the index's.")
@click.option("--num-leaves-to-search", type=int, help="Default: the index's.")
@click.option("--num-reordering-candidates", type=int, help="Default: the index's.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a query.")
def search(
    index: pathlib.Path,
    queries: pathlib.Path | None,
    names: tuple[str, ...],
    k: int | None,
    num_leaves_to_search: int | None,
    num_reordering_candidates: int | None,
    as_json: bool,
) -> None:
    """Finds the best candidates of INDEX, an index file or a SavedModel, for each query.

    Queries come from a file, or are candidates of the index, by their identifiers.
    """
    if (queries is None) == (not names):
        raise click.UsageError("give either --queries or --identifier")
    path = _index_file(index)
    vectors = None if queries is None else np.atleast_2d(_load_array("--queries", queries))
    searcher = _load(path)
    if vectors is not None:
        titles: list[Any] = list(range(len(vectors)))
    else:
        vectors = _candidates_named(path, searcher.info(), names)
        titles = list(names)
    scores, identifiers = searcher.search(
        vectors,
        k,
        num_leaves_to_search=num_leaves_to_search,
        num_reordering_candidates=num_reordering_candidates,
    )
    for title, row_scores, row_identifiers in zip(
        titles, scores.numpy().tolist(), identifiers.numpy().tolist(), strict=True
    ):
        row_names = [
            n.decode("utf-8", "replace") if isinstance(n, bytes) else n for n in row_identifiers
        ]
        found = [(n, s) for n, s in zip(row_names, row_scores, strict=True) if np.isfinite(s)]
        if as_json:
            results = [{"identifier": n, "score": s} for n, s in found]
            click.echo(json.dumps({"query": title, "results": results}))
        else:
            click.echo(f"query {title}")
            for name, score in found:
                click.echo(f"  {score:>12.6f}  {name}")


@cli.command()
@click.argument("embeddings", type=_PATH)
@click.option("--queries", type=_PATH, required=True, help=".npy of float [b, d].")
@click.option("--k", type=int, default=10, show_default=True, help="Results a query.")
@click.option("--target-recall", type=float, default=0.95, show_default=True)
@click.option(
    "--num-leaves", type=int, multiple=True, help="Partitions to try; may be given several times."
)
@click.option("--batch-size", type=int, default=1, show_default=True, help="Queries at a time.")
@click.option("--distance-measure", type=click.Choice(DISTANCE_MEASURES), default="dot_product")
@click.option("--reordering-dtype", type=click.Choice(REORDERING_DTYPES), default="float32")
@click.option("--json", "json_path", type=_PATH, help="Where to write every measurement.")
@click.option("--plot", "plot_path", type=_PATH, help="Where to draw them.")
@click.option("--html", "html_path", type=_PATH, help="Where to write a page about all of it.")
@click.option("--log-dir", type=_PATH, help="Where to write a summary for TensorBoard.")
def tune(
    embeddings: pathlib.Path,
    queries: pathlib.Path,
    k: int,
    target_recall: float,
    num_leaves: tuple[int, ...],
    batch_size: int,
    distance_measure: str,
    reordering_dtype: str,
    json_path: pathlib.Path | None,
    plot_path: pathlib.Path | None,
    html_path: pathlib.Path | None,
    log_dir: pathlib.Path | None,
) -> None:
    """Finds the fastest index of EMBEDDINGS that reaches a recall, and says how to build it."""
    for option, path in (("--json", json_path), ("--plot", plot_path), ("--html", html_path)):
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"{option}: there is no folder {path.parent}")
    candidates = _load_array("EMBEDDINGS", embeddings)
    vectors = _load_array("--queries", queries)

    from .tuning import tune as find_config

    config = find_config(
        candidates,
        vectors,
        k,
        target_recall=target_recall,
        config=IndexConfig(distance_measure=distance_measure, reordering_dtype=reordering_dtype),
        num_leaves=num_leaves or None,
        batch_size=batch_size,
        json_path=json_path,
        plot_path=plot_path,
        html_path=html_path,
        log_dir=log_dir,
    )
    defaults = IndexConfig()
    options = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in vars(config).items()
        if value != getattr(defaults, name)
    ]
    click.echo(" ".join(["tensorflow-scann build", str(embeddings), *options, "--output INDEX"]))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(as_json: bool) -> None:
    """Says what is in use here, and whether a trial index works. Exit status 1 if it does not."""
    from .doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps(findings))
    else:
        for name, value in findings.items():
            click.echo(f"{name.replace('_', ' '):<20} {value}")
    if not findings["trial_index"].startswith("works"):
        sys.exit(1)


@cli.command()
@click.option(
    "--directory",
    type=_PATH,
    default=pathlib.Path("demo_output"),
    help="Where to write the models.",
)
def demo(directory: pathlib.Path) -> None:
    """Indexes 20,000 word vectors and looks words up in a SavedModel that a new process loads."""
    from .demo import run

    run(directory)


def _load(path: str) -> "Searcher":
    from .searcher import Searcher

    return Searcher.load(path)


def _index_file(path: pathlib.Path) -> str:
    """An index file, or that of the only index in a SavedModel."""
    if not path.exists():
        raise click.UsageError(f"there is no index file and no SavedModel {path}")
    if not path.is_dir():
        return str(path)

    from .exporting import saved_model_assets

    assets = [asset for asset in saved_model_assets(path) if _starts_with_magic(asset)]
    if len(assets) != 1:
        raise click.UsageError(f"{path} is no SavedModel with one index, but has {len(assets)}")
    return assets[0]


def _candidates_named(path: str, info: IndexInfo, names: tuple[str, ...]) -> np.ndarray:
    """The candidates with these identifiers, of an index file that could be loaded."""
    index = _engine.Index.open(path)
    candidates = index.candidates()
    is_text = info.identifiers == "string"
    identifiers = np.asarray(candidates["identifiers"], dtype=object if is_text else None)
    parse = os.fsencode if is_text else identifiers.dtype.type
    rows = []
    for name in names:
        try:
            wanted = parse(name)
        except (ValueError, OverflowError):
            raise click.UsageError(
                f"--identifier: {name!r} is none of the index's, which are of {info.identifiers}"
            ) from None
        found = np.flatnonzero(identifiers == wanted)
        if len(found) == 0:
            raise click.UsageError(f"--identifier: no candidate of {path} is called {name!r}")
        rows.append(found[0])
    vectors: np.ndarray = candidates["rows"][rows]
    if info.reordering_dtype == "int8" and info.distance_measure == "squared_l2":
        vectors += index.tree()["center"]
    return vectors


def _starts_with_magic(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def main() -> None:
    """Runs the command. A user's mistake is one line and exit status 2."""
    warnings.showwarning = lambda message, *_: click.echo(f"warning: {message}", err=True)
    try:
        status = cli.main(prog_name="tensorflow-scann", standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _fail(error.format_message())
    except (ValueError, OSError, ImportError) as error:
        _fail(str(error))
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
            raise
        _fail(error.message)
    sys.exit(status or 0)


def _fail(message: str) -> None:
    # TensorFlow says where in itself an op failed.
    line = " ".join(re.sub(r"\{\{.*?\}\}|\[Op:\w+\]", "", message).split())
    click.echo(f"tensorflow-scann: {line}", err=True)
    sys.exit(2)
