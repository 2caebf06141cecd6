"""Entry point of the command line: quiets TensorFlow's start-up log before anything imports it."""

import os


def main() -> None:
    """Runs the `tensorflow-scann` command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorflow_scann.cli import main as run

    run()
