"""The rule for the engine's tests."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")
load("//cc:copts.bzl", "SCANN_TEST_COPTS")

def scann_test(name, deps, size = "small", cpu_targets = [], **kwargs):
    """A GoogleTest of <name>.cc.

    Args:
      name: of the test.
      deps: besides GoogleTest.
      size: see cc_test.
      cpu_targets: CPU targets (see cc/kernels/target.h) to run the test on again, each as a test
        of its own, <name>_<target>.
      **kwargs: for cc_test.
    """
    deps = deps + ["@com_google_googletest//:gtest_main"]
    cc_library(
        name = name + "_cases",
        testonly = True,
        srcs = [name + ".cc"],
        copts = SCANN_TEST_COPTS,
        deps = deps,
        visibility = ["//visibility:private"],
        # Cases register themselves.
        alwayslink = True,
    )
    for target in [""] + cpu_targets:
        cc_test(
            name = "%s_%s" % (name, target) if target else name,
            size = size,
            env = {"TFSCANN_CPU_TARGET": target} if target else {},
            deps = [":%s_cases" % name],
            **kwargs
        )
