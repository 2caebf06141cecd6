"""Figures, for which matplotlib is an optional package."""

import importlib.util
from typing import Any


def require_packages(*packages: str) -> None:
    """Raises ImportError unless these packages of the extra `tune` are installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"plots, pages and summaries need {package}: pip install 'tensorflow-scann[tune]'"
            )


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure and its axes, inches; without pyplot, so that no backend is chosen.

    Raises:
      ImportError: matplotlib is not installed.
    """
    require_packages("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def picture_suffixes() -> list[str]:
    """What the name of a figure's file may end with."""
    from matplotlib.backend_bases import FigureCanvasBase

    return sorted(f".{suffix}" for suffix in FigureCanvasBase.get_supported_filetypes())
