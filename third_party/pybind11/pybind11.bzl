"""pybind11's headers, from the package of that name in the Python interpreter in use."""

load("//third_party/python:python.bzl", "PYTHON_ENVIRON", "ask_python")

_SCRIPT = """
import json, pybind11
print(json.dumps({"include": pybind11.get_include()}))
"""

_BUILD = """\
load("@rules_cc//cc:defs.bzl", "cc_library")

# Code that includes it wants -fvisibility=hidden, as every type in pybind11's namespace has it.
cc_library(
    name = "pybind11",
    hdrs = glob(["include/pybind11/**/*.h"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
    deps = ["@local_python//:headers"],
)
"""

def _pybind11_repository_impl(repository_ctx):
    pybind11 = ask_python(repository_ctx, _SCRIPT, "the package pybind11")
    repository_ctx.symlink(pybind11["include"], "include")
    repository_ctx.file("BUILD", _BUILD)

# `@pybind11`, which brings Python.h with it.
pybind11_repository = repository_rule(
    implementation = _pybind11_repository_impl,
    environ = PYTHON_ENVIRON,
    local = True,
)
