#!/usr/bin/env python3
"""Adds this repository's ops to a checkout of TensorFlow Serving, and checks that they are there.

usage: apply.py SERVING_CHECKOUT [--check]

Two changes: WORKSPACE declares this repository, by its path, and model_server.patch lists
//cc/tf:serving among SUPPORTED_TENSORFLOW_OPS, which Serving links in statically. Applying them
again changes nothing. Needs git. If one of them fails, both files are left as they were.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
PATCH = FOLDER / "model_server.patch"
MODEL_SERVERS = pathlib.Path("tensorflow_serving/model_servers/BUILD")
WORKSPACE = pathlib.Path("WORKSPACE")
LABEL = "@org_tensorflow_scann//cc/tf:serving"
LISTED = re.compile(rf'^\s*"{LABEL}",'.encode(), re.MULTILINE)
DECLARATION = f"""
local_repository(
    name = "org_tensorflow_scann",
    path = "{REPOSITORY}",
)
""".encode()


def lists_ops(checkout: pathlib.Path) -> bool:
    """Whether SUPPORTED_TENSORFLOW_OPS has the ops; elsewhere in the file they are of no use."""
    build = (checkout / MODEL_SERVERS).read_bytes()
    supported = re.search(
        rb"^SUPPORTED_TENSORFLOW_OPS = .*?^\]\r?$", build, re.DOTALL | re.MULTILINE
    )
    return supported is not None and LISTED.search(supported.group()) is not None


def is_applied(checkout: pathlib.Path) -> bool:
    """Whether Serving links the ops."""
    return lists_ops(checkout) and DECLARATION in (checkout / WORKSPACE).read_bytes()


def apply(checkout: pathlib.Path) -> None:
    """Makes the changes; exits with one line, and takes back what it did, if that fails."""
    before = {file: (checkout / file).read_bytes() for file in (WORKSPACE, MODEL_SERVERS)}
    try:
        declare_repository(checkout / WORKSPACE)
        if not lists_ops(checkout):
            apply_patch(checkout)
    except BaseException as error:
        for file, content in before.items():
            if (checkout / file).read_bytes() != content:
                (checkout / file).write_bytes(content)
        if isinstance(error, OSError):
            sys.exit(str(error))
        raise


def declare_repository(workspace: pathlib.Path) -> None:
    """Adds this repository to a WORKSPACE that does not have it."""
    text = workspace.read_bytes()
    if DECLARATION in text:
        return
    if b'name = "org_tensorflow_scann"' in text:
        sys.exit(f"{workspace} declares another org_tensorflow_scann already")
    workspace.write_bytes(text + DECLARATION)


def apply_patch(checkout: pathlib.Path) -> None:
    """Adds the ops to SUPPORTED_TENSORFLOW_OPS."""
    git = subprocess.run(
        ["git", "apply", "--recount", str(PATCH)],
        cwd=checkout,
        # A checkout without .git may stand in another repository's folder.
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(checkout.resolve().parent)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if git.returncode != 0 or not lists_ops(checkout):
        reason = " ".join(git.stderr.split()) or f"{LABEL} is not in SUPPORTED_TENSORFLOW_OPS after"
        sys.exit(f"{PATCH.name} does not fit {checkout / MODEL_SERVERS}: {reason}")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    for file in (WORKSPACE, MODEL_SERVERS):
        if not (arguments.checkout / file).is_file():
            parser.error(f"{arguments.checkout} is no checkout of TensorFlow Serving: no {file}")
    if not arguments.check:
        apply(arguments.checkout)
    if not is_applied(arguments.checkout):
        sys.exit(f"{arguments.checkout} does not link {LABEL}")
    print(f"{arguments.checkout} links {LABEL}")


if __name__ == "__main__":
    main()
