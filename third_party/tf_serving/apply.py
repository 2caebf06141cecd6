#!/usr/bin/env python3
"""Adds this repository's ops to a checkout of TensorFlow Serving, and checks that they are there.

usage: apply.py SERVING_CHECKOUT [--check]

Two changes: model_server.patch lists //cc/tf:serving among SUPPORTED_TENSORFLOW_OPS, which Serving
links in statically, and WORKSPACE declares this repository, by its path. Applying them again changes
nothing. Needs git; nothing is changed if any of it fails.
"""

import argparse
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
PATCH = FOLDER / "model_server.patch"
MODEL_SERVERS = pathlib.Path("tensorflow_serving/model_servers/BUILD")
LABEL = "@org_tensorflow_scann//cc/tf:serving"
DECLARATION = f"""
local_repository(
    name = "org_tensorflow_scann",
    path = "{REPOSITORY}",
)
"""


def is_applied(checkout: pathlib.Path) -> bool:
    """Whether Serving links the ops."""
    build = (checkout / MODEL_SERVERS).read_text()
    supported = re.search(r"^SUPPORTED_TENSORFLOW_OPS = .*?^\]$", build, re.DOTALL | re.MULTILINE)
    workspace = (checkout / "WORKSPACE").read_text()
    return supported is not None and LABEL in supported.group() and DECLARATION in workspace


def apply(checkout: pathlib.Path) -> None:
    """Makes the changes; exits with one line if that is not possible."""
    workspace = checkout / "WORKSPACE"
    text = workspace.read_text()
    if 'name = "org_tensorflow_scann"' in text and DECLARATION not in text:
        sys.exit(f"{workspace} declares another org_tensorflow_scann already")
    if LABEL not in (checkout / MODEL_SERVERS).read_text():
        git = subprocess.run(
            ["git", "apply", "--recount", str(PATCH)],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
        )
        if git.returncode != 0 or LABEL not in (checkout / MODEL_SERVERS).read_text():
            reason = " ".join(git.stderr.split()) or "git apply changed nothing"
            sys.exit(f"{PATCH.name} does not fit {checkout / MODEL_SERVERS}: {reason}")
    if DECLARATION not in text:
        workspace.write_text(text + DECLARATION)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    for file in (MODEL_SERVERS, pathlib.Path("WORKSPACE")):
        if not (arguments.checkout / file).is_file():
            parser.error(f"{arguments.checkout} is no checkout of TensorFlow Serving: no {file}")
    if not arguments.check:
        apply(arguments.checkout)
    if not is_applied(arguments.checkout):
        sys.exit(f"{arguments.checkout} does not link {LABEL}")
    print(f"{arguments.checkout} links {LABEL}")


if __name__ == "__main__":
    main()
