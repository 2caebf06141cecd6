"""A progress bar for builds that take a while."""

import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

ProgressCallback = Callable[[str, int, int], None]

# Builds shorter than this need no bar.
_SECONDS_BEFORE_BAR = 1.0


class ProgressBar:
    """Shows stages of a build on stderr, from the first second on."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._bar: tqdm[Any] | None = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `Searcher.build`."""
        if time.monotonic() - self._start < _SECONDS_BEFORE_BAR:
            return
        if self._bar is None or stage != self._stage:
            self.close()
            self._bar = tqdm(total=total, desc=stage, leave=False, file=sys.stderr)
            self._stage = stage
        bar: Any = self._bar
        bar.update(done - bar.n)

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def choose_progress(progress: ProgressCallback | bool | None) -> ProgressCallback | None:
    """What `progress=` means: None is a bar on an interactive terminal, False is nothing."""
    if progress is None:
        return ProgressBar() if sys.stderr.isatty() else None
    if progress is False:
        return None
    if progress is True:
        return ProgressBar()
    if not callable(progress):
        raise ValueError(f"progress is {progress!r}, but must be None, a bool or a callable")
    return progress
