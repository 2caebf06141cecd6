"""setuptools' build backend, and TensorFlow among the build requirements where there is none.

The op library must be compiled against the TensorFlow that it will be loaded into. A build with
isolation uses the one of the environment that it builds for; only if that has none is one installed
for the build, the newest that is supported.
"""

from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403
from tensorflow_flags import find_tensorflow

_NEWEST = "tensorflow-cpu==2.21.*"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """See PEP 517."""
    requires: list[str] = build_meta.get_requires_for_build_wheel(config_settings)
    return requires if find_tensorflow() is not None else [*requires, _NEWEST]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """See PEP 660."""
    return get_requires_for_build_wheel(config_settings)
