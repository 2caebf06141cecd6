"""Lets WORKSPACE choose its repositories by `--config=offline`."""

def _offline_configure_impl(repository_ctx):
    offline = repository_ctx.os.environ.get("SCANN_BAZEL_OFFLINE", "0") == "1"
    repository_ctx.file("BUILD", "")
    repository_ctx.file("offline.bzl", "OFFLINE = %s\n" % offline)

# A repository whose offline.bzl defines OFFLINE.
offline_configure = repository_rule(
    implementation = _offline_configure_impl,
    environ = ["SCANN_BAZEL_OFFLINE"],
)
