"""The outside code that the build uses, declared in one place."""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
load("//third_party/pybind11:pybind11.bzl", "pybind11_repository")
load("//third_party/python:python.bzl", "python_repository")
load("//third_party/simde:simde.bzl", "simde_repository")
load("//third_party/tensorflow:tensorflow_wheel.bzl", "tensorflow_wheel_repository")

def scann_repositories(offline):  # buildifier: disable=unnamed-macro
    """Declares every external repository.

    Args:
      offline: True to take GoogleTest, SIMDe and Bazel's own rules from this machine, False to
        download them. TensorFlow, pybind11 and Python always come from the interpreter in use.
    """
    python_repository(name = "local_python")
    pybind11_repository(name = "pybind11")
    tensorflow_wheel_repository(name = "org_tensorflow_wheel")
    if offline:
        _offline_repositories()
    else:
        _archives()

def _offline_repositories():
    native.new_local_repository(
        name = "com_google_googletest",
        build_file = "//third_party/googletest:googletest.BUILD",
        path = "/usr/src/googletest",
    )
    simde_repository(name = "simde")
    native.local_repository(
        name = "rules_cc",
        path = "third_party/bazel/rules_cc",
    )
    native.local_repository(
        name = "rules_java",
        path = "/usr/share/bazel/rules/java",
    )
    native.local_repository(
        name = "remote_coverage_tools",
        path = "third_party/bazel/remote_coverage_tools",
    )

def _archives():
    http_archive(
        name = "com_google_googletest",
        build_file = "//third_party/googletest:googletest.BUILD",
        sha256 = "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2",
        strip_prefix = "googletest-release-1.12.1",
        urls = ["https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz"],
    )
    http_archive(
        name = "simde",
        build_file = "//third_party/simde:simde.BUILD",
        sha256 = "ed2a3268658f2f2a9b5367628a85ccd4cf9516460ed8604eed369653d49b25fb",
        strip_prefix = "simde-0.8.2",
        urls = ["https://github.com/simd-everywhere/simde/archive/refs/tags/v0.8.2.tar.gz"],
    )
    http_archive(
        name = "rules_cc",
        sha256 = "2037875b9a4456dce4a79d112a8ae885bbc4aad968e6587dca6e64f3a0900cdf",
        strip_prefix = "rules_cc-0.0.9",
        urls = ["https://github.com/bazelbuild/rules_cc/releases/download/0.0.9/rules_cc-0.0.9.tar.gz"],
    )
