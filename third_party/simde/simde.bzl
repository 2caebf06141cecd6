"""SIMDe as Debian's libsimde-dev installs it."""

_PATH = "/usr/include/simde"

def _simde_repository_impl(repository_ctx):
    if not repository_ctx.path(_PATH).exists:
        fail("There is no %s: install Debian's libsimde-dev." % _PATH)

    # Below a folder of its own: /usr/include as a whole must not come before the compiler's headers.
    repository_ctx.symlink(_PATH, "simde")
    repository_ctx.symlink(Label("//third_party/simde:simde.BUILD"), "BUILD")

# `@simde`.
simde_repository = repository_rule(
    implementation = _simde_repository_impl,
    local = True,
)
