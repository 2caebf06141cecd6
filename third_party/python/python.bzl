"""The Python interpreter that the build compiles for and that tests run under.

It is the one that PYTHON_BIN_PATH names (default: python3): an absolute path, a path from the
workspace root (.venv/bin/python), or a name to look for in PATH.
"""

# Rules that call python_interpreter() list these in `environ`.
PYTHON_ENVIRON = ["PYTHON_BIN_PATH"]

def python_interpreter(repository_ctx):
    """Finds the interpreter.

    Args:
      repository_ctx: of the calling repository rule.

    Returns:
      Its absolute path; fails, and says what to set, when there is none.
    """
    name = repository_ctx.os.environ.get("PYTHON_BIN_PATH") or "python3"
    if name.startswith("/"):
        python = name
    elif "/" in name:
        python = "%s/%s" % (repository_ctx.path(Label("@//:WORKSPACE")).dirname, name)
    else:
        python = repository_ctx.which(name)

    if not python or not repository_ctx.path(python).exists:
        fail("PYTHON_BIN_PATH: there is no Python interpreter %r. Set it to an interpreter's path." % name)
    return str(python)

def ask_python(repository_ctx, script, need):
    """Runs a Python script that prints one line of JSON last.

    Args:
      repository_ctx: of the calling repository rule.
      script: Python source.
      need: what the script needs of the interpreter; ends the message of a failure.

    Returns:
      What the JSON says.
    """
    python = python_interpreter(repository_ctx)
    result = repository_ctx.execute(
        [python, "-c", script],
        environment = {
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
    )
    if result.return_code != 0:
        fail("%s\nPYTHON_BIN_PATH chose %s, which needs %s." % (result.stderr, python, need))
    return json.decode(result.stdout.strip().split("\n")[-1])

_SCRIPT = """
import json, sys, sysconfig
print(json.dumps({
    "executable": sys.executable,
    "include": sysconfig.get_path("include"),
    "version": list(sys.version_info[:2]),
}))
"""

_BUILD = """\
load("@//third_party/python:make_variables.bzl", "py_make_variables")
load("@bazel_tools//tools/python:toolchain.bzl", "py_runtime_pair")
load("@rules_cc//cc:defs.bzl", "cc_library")

# Python.h. An extension module takes its symbols from the interpreter that loads it.
cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)

py_runtime(
    name = "runtime",
    interpreter_path = "{executable}",
    python_version = "PY3",
    stub_shebang = "#!{executable}",
)

py_runtime_pair(
    name = "runtime_pair",
    py3_runtime = ":runtime",
)

# $(PYTHON3) in genrules.
py_make_variables(
    name = "make_variables",
    interpreter = "{executable}",
    visibility = ["//visibility:public"],
)

toolchain(
    name = "toolchain",
    toolchain = ":runtime_pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)
"""

def _python_repository_impl(repository_ctx):
    python = ask_python(repository_ctx, _SCRIPT, "to be Python 3.10 or later")
    if python["version"] < [3, 10]:
        fail("PYTHON_BIN_PATH: %s is Python %s; 3.10 or later is needed." %
             (python["executable"], ".".join([str(n) for n in python["version"]])))

    # Python.h may be missing (Debian: python3-dev). Then only what includes it fails to build.
    repository_ctx.symlink(python["include"], "include")
    repository_ctx.file("BUILD", _BUILD.format(**python))

# Python.h as `:headers`, and the toolchain that runs py_test.
python_repository = repository_rule(
    implementation = _python_repository_impl,
    environ = PYTHON_ENVIRON,
    local = True,
)
