#!/usr/bin/env bash
# Runs the examples on a SavedModel, each in a process of its own, and compares with Python.
set -euo pipefail
models="$TEST_TMPDIR/models"
mkdir "$models"
tar -xf tests/models/models.tar -C "$models"
ops=cc/tf/libtensorflow_scann_ops.so

# The demo's index, whose identifiers are strings, and one with each other type.
for model in glove glove_int32 glove_int64 glove_float32 glove_float64; do
  for program in "search_with_c_api $ops $models/$model" "search_with_cc_api $ops $models/$model" \
    "search_with_engine $(echo "$models/$model"/assets/scann_index_*)"; do
    # shellcheck disable=SC2086
    examples/cc/$program "$models/queries.f32" >"$TEST_TMPDIR/found"
    diff "$models/$model.txt" "$TEST_TMPDIR/found"
  done
done

# What cannot be opened, and a file without a query, are errors, and no crashes.
must_fail() {
  local status=0
  "${@:2}" 2>"$TEST_TMPDIR/error" || status=$?
  if [[ "$status" != 1 ]]; then
    echo "${*:2} ended with status $status" >&2
    exit 1
  fi
  grep -qi "$1" "$TEST_TMPDIR/error"
}
index="$(echo "$models"/glove/assets/scann_index_*)"
for program in "search_with_c_api $ops" "search_with_cc_api $ops" search_with_engine; do
  model="$models/glove"
  if [[ "$program" == search_with_engine ]]; then model="$index"; fi
  # shellcheck disable=SC2086
  must_fail "no such file\|could not find\|not find" \
    examples/cc/$program "$models/missing" "$models/queries.f32"
  # shellcheck disable=SC2086
  must_fail "no query" examples/cc/$program "$model" /dev/null
done
