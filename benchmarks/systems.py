"""The systems that recall_qps.py compares, and the virtual environment that each one runs in.

scann and scann-core share an import name, so every peer has an environment of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

OURS = "tensorflow-scann"


@dataclass(frozen=True)
class System:
    """One line of the comparison.

    adapter: MODULE:CLASS for benchmarks.peers.worker. environment: name of the virtual environment,
    None for the running interpreter. requirements: what pip installs there. every_kind: whether its
    adapter knows other distance measures than dot_product, and int8 reordering.
    """

    name: str
    adapter: str
    environment: str | None = None
    requirements: tuple[str, ...] = ()
    every_kind: bool = False

    def python(self, environments: Path) -> Path:
        """The interpreter that runs the system's worker; it may not exist yet."""
        if self.environment is None:
            return Path(sys.executable)
        return environments / self.environment / "bin" / "python"


SYSTEMS = (
    System(OURS, "benchmarks.peers.ours:Ours", every_kind=True),
    System(
        "scann-core", "benchmarks.peers.scann:Scann", "scann-core", ("scann-core==0.2.1",), True
    ),
    System("scann", "benchmarks.peers.scann:Scann", "scann", ("scann==1.4.2",), True),
    System("faiss-ivf", "benchmarks.peers.faiss:IvfFastScan", "faiss", ("faiss-cpu==1.15.1",)),
    System("faiss-hnsw", "benchmarks.peers.faiss:Hnsw", "faiss", ("faiss-cpu==1.15.1",)),
    System(
        "scalable-vs",
        "benchmarks.peers.scalable_vs:Vamana",
        "scalable-vs",
        ("scalable-vs==0.5.0", "numpy"),
    ),
)


def set_up(system: System, environments: Path) -> None:
    """Creates the system's virtual environment and installs its packages, unless it exists.

    Raises RuntimeError with the end of pip's output when the installation fails.
    """
    if system.environment is None or system.python(environments).exists():
        return
    folder = environments / system.environment
    venv.create(folder, with_pip=True, clear=True)
    python = str(system.python(environments))
    command = [python, "-m", "pip", "install", "--quiet", *system.requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        (folder / "bin" / "python").unlink()
        raise RuntimeError(f"pip could not install {system.requirements}: {done.stderr[-500:]}")


def worker_environment(system: System, threads: int) -> dict[str, str]:
    """Environment variables of a worker: `threads` OpenMP threads and no other BLAS setting."""
    dropped = ("OPENBLAS_", "OMP_", "MKL_", "GOMP_", "KMP_")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    if system.environment is not None:
        variables.pop("PYTHONPATH", None)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "SCANN_NUM_THREADS"):
        variables[name] = str(threads)
    return variables | {"PYTHONNOUSERSITE": "1"}
