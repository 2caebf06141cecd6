"""Compiler flags for our own code; third-party code does not get them."""

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wno-sign-compare",
    # Vector types are passed only to functions that are inlined: no ABI comes into it.
    "-Wno-psabi",
]

# Not under dbg, which the sanitizer configs use: the last -O on a command line wins.
_OPTIMIZATION = select({
    "//cc:optimized": ["-O3"],
    "//conditions:default": [],
})

# Square roots are instructions, not calls that may set errno.
SCANN_COPTS = _WARNINGS + _OPTIMIZATION + ["-fno-math-errno"]

# What tests are compiled with: their own loops need no more.
SCANN_TEST_COPTS = _WARNINGS
