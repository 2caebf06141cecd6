"""The driver's end of a worker process (peers/worker.py): start it, ask it, stop it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.systems import System, worker_environment

REPOSITORY = Path(__file__).resolve().parent.parent


class WorkerError(RuntimeError):
    """A worker answered with an error, or died; its log says more. The message names the system."""


class WorkerClient:
    """One worker process, running from construction to `close`."""

    def __init__(self, system: System, environments: Path, logs: Path, threads: int) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._name = system.name
        with (logs / f"{system.name}.log").open("a") as log:
            self._process = subprocess.Popen(
                [str(system.python(environments)), "-m", "benchmarks.peers.worker", system.adapter],
                cwd=REPOSITORY,
                env=worker_environment(system, threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Sends one request and waits for its answer.

        Raises WorkerError when the operation failed or the process died.
        """
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(json.dumps({"op": operation} | arguments) + "\n")
            requests.flush()
            line = answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(
                f"{self._name}: the worker ended during {operation!r} "
                f"with exit status {self._process.wait()}"
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self._name}: {operation}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
