#!/usr/bin/env bash
# Runs the examples on a SavedModel, each in a process of its own, and compares with Python.
set -euo pipefail
models="$TEST_TMPDIR/models"
mkdir "$models"
tar -xf tests/models/models.tar -C "$models"
ops=cc/tf/libtensorflow_scann_ops.so

compare() {
  diff "$models/neighbours.txt" <("$@" "$models/queries.f32")
}
compare examples/cc/search_with_c_api "$ops" "$models/glove"
compare examples/cc/search_with_cc_api "$ops" "$models/glove"
compare examples/cc/search_with_engine "$models"/glove/assets/scann_index_*

# What cannot be opened is an error, and no crash.
for program in "search_with_c_api $ops" "search_with_cc_api $ops" search_with_engine; do
  # shellcheck disable=SC2086
  if examples/cc/$program "$models/missing" "$models/queries.f32" 2>"$TEST_TMPDIR/error"; then
    echo "$program found neighbours in nothing" >&2
    exit 1
  fi
  grep -qi "no such file\|could not find\|not find" "$TEST_TMPDIR/error"
done
