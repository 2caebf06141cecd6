"""Entry point of the command line: quiets TensorFlow's start-up log before anything imports it."""

import os

# Whether this process is the command: then the package does not import TensorFlow at once.
is_running = False


def main() -> None:
    """Runs the `tensorflow-scann` command."""
    global is_running
    is_running = True
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Nothing here uses oneDNN, and TensorFlow announces it whatever the log level is.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from tensorflow_scann.cli import main as run

    run()
