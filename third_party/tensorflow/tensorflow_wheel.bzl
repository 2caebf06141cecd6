"""Headers and libraries of the TensorFlow that is installed in the Python interpreter in use.

An op library loads only into the TensorFlow minor version that it was compiled for, so it is
compiled against the very wheel that will load it.
"""

load("//third_party/python:python.bzl", "PYTHON_ENVIRON", "ask_python", "python_interpreter")

_OLDEST = [2, 18]
_NEWEST = [2, 21]

_SCRIPT = """
import json, tensorflow as tf
print(json.dumps({
    "version": tf.__version__,
    "include": tf.sysconfig.get_include(),
    "lib": tf.sysconfig.get_lib(),
    "compile_flags": tf.sysconfig.get_compile_flags(),
}))
"""

_LIBRARIES = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"]

_BUILD = """\
# TensorFlow {version}.

load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["@//third_party/tensorflow:__pkg__"])

cc_library(
    name = "headers",
    # Left out: three quarters of the files, which no op includes.
    hdrs = glob(
        ["include/**"],
        exclude = [
            "include/external/**",
            "include/tensorflow/compiler/**",
            "include/third_party/gpus/**",
        ],
    ),
    defines = {defines},
    includes = ["include"],
)

# What an op library links: loaded into a process that has TensorFlow, it finds this there.
cc_library(
    name = "framework",
    srcs = ["libtensorflow_framework.so.2"],
    deps = [":headers"],
)

# What a program links: all of TensorFlow, every kernel and the C API.
cc_library(
    name = "cc",
    srcs = ["libtensorflow_cc.so.2"],
    deps = [":framework"],
)
"""

def _supported(version):
    major, minor = version.split(".")[:2]
    return _OLDEST <= [int(major), int(minor)] and [int(major), int(minor)] <= _NEWEST

def _tensorflow_wheel_repository_impl(repository_ctx):
    span = "TensorFlow %s to %s" % tuple([".".join([str(n) for n in v]) for v in [_OLDEST, _NEWEST]])
    wheel = ask_python(repository_ctx, _SCRIPT, span + " (package tensorflow or tensorflow-cpu)")
    if not _supported(wheel["version"]):
        fail("PYTHON_BIN_PATH: %s has TensorFlow %s; this project is built against %s." %
             (python_interpreter(repository_ctx), wheel["version"], span))

    repository_ctx.symlink(wheel["include"], "include")
    for library in _LIBRARIES:
        path = repository_ctx.path("%s/%s" % (wheel["lib"], library))
        if not path.exists:
            fail("TensorFlow %s in %s has no %s." % (wheel["version"], wheel["lib"], library))
        repository_ctx.symlink(path, library)

    # -D_GLIBCXX_USE_CXX11_ABI=1 -DEIGEN_MAX_ALIGN_BYTES=64: the ABI; every dependent needs them.
    defines = [flag[2:] for flag in wheel["compile_flags"] if flag.startswith("-D")]
    repository_ctx.file("BUILD", _BUILD.format(defines = repr(defines), version = wheel["version"]))

# `:headers`, `:framework` and `:cc`, to be used through //third_party/tensorflow.
tensorflow_wheel_repository = repository_rule(
    implementation = _tensorflow_wheel_repository_impl,
    environ = PYTHON_ENVIRON,
    local = True,
)
