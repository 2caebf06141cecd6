# `make demo` and `make test` set everything up by themselves: they need python3 >= 3.10 with venv, a
# C++17 compiler and make.
PYTHON ?= python3
VENV ?= .venv
TENSORFLOW ?= tensorflow-cpu==2.21.0
# Without their dependency on the package `tensorflow`, which is not `tensorflow-cpu`.
TEST_PEERS ?= tf-keras==2.21.0 tensorflow-recommenders==0.7.7 tensorflow-serving-api==2.21.0
DOCS_PACKAGES ?= "mkdocs-material>=9.5,<10" "mkdocstrings[python]>=0.27" ruff
BIN := $(VENV)/bin
# The processors, for compiling.
JOBS := $(shell nproc)
BUILDIFIER := npx --yes @bazel/buildifier@8.2.1
BAZEL_FILES = $(shell git ls-files | grep -E '(^|/)(WORKSPACE|BUILD|[^/]*\.(BUILD|bzl))$$')
CC_FILES = $(shell git ls-files '*.h' '*.cc')

.PHONY: demo test docs bench wheel wheel-test format lint bazel-test clean

demo: $(VENV)/.built
	$(BIN)/tensorflow-scann demo --directory demo_output

test: $(VENV)/.built
	$(BIN)/python -m pytest tests/python python/tensorflow_scann
	TF_USE_LEGACY_KERAS=1 $(BIN)/python -m pytest -m keras tests/python

# The documentation site, in site/.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --quiet

bench: $(VENV)/.built
	$(BIN)/pip install --quiet --no-build-isolation --editable ".[bench]"
	$(BIN)/python -m benchmarks.recall_qps --setup-peers

# For this version of Python, and every TensorFlow that supports it.
wheel:
	TFSCANN_BUILD_JOBS=$(JOBS) $(PYTHON) tools/build_wheel.py

# With the oldest and the newest TensorFlow, in clean environments.
wheel-test:
	TFSCANN_BUILD_JOBS=$(JOBS) tests/wheel/run.sh $(PYTHON)

# The same sources, built and tested by Bazel. Debian: apt-get install bazel-bootstrap
# bazel-rules-java googletest libgtest-dev libsimde-dev
bazel-test: $(VENV)/.built
	PYTHON_BIN_PATH=$(BIN)/python bazel test --config=offline //...

format: $(VENV)/.lint
	clang-format -i $(CC_FILES)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BUILDIFIER) -mode=fix $(BAZEL_FILES)

lint: $(VENV)/.lint
	clang-format --dry-run --Werror $(CC_FILES)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BUILDIFIER) -mode=check $(BAZEL_FILES)

clean:
	rm -rf $(VENV) build dist site demo_output python/tensorflow_scann/*.so

$(VENV)/.tensorflow:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$(TENSORFLOW)" "setuptools>=77" "pybind11>=2.13,<4"
	$(BIN)/pip install --quiet --no-deps $(TEST_PEERS)
	touch $@

# Compiled in place, so that a changed Python file needs no build.
$(VENV)/.built: $(VENV)/.tensorflow pyproject.toml setup.py $(wildcard cc/*/*.cc cc/*/*.h)
	TFSCANN_BUILD_JOBS=$(JOBS) $(BIN)/pip install --quiet --no-build-isolation --editable ".[test]"
	touch $@

# Apart from the package: it is read, not imported.
$(VENV)/.docs:
	$(PYTHON) -m venv $(VENV)/docs
	$(VENV)/docs/bin/pip install --quiet $(DOCS_PACKAGES)
	touch $@

$(VENV)/.lint: $(VENV)/.built
	$(BIN)/pip install --quiet --no-build-isolation --editable ".[lint]"
	touch $@
