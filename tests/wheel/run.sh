#!/usr/bin/env bash
# Builds a wheel for the oldest and the newest TensorFlow, installs it in a clean environment with each,
# and lets each answer from what the other saved.
#
# usage: run.sh PYTHON
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
python="$1"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$python" "$here/../../tools/build_wheel.py" --oldest-and-newest --work "$work/build" --output "$work/dist"
wheels=("$work"/dist/*manylinux*.whl)
mkdir "$work/models"
cd "$work"
for tensorflow in "$work"/build/tensorflow_*; do
  minor="$(basename "$tensorflow" | sed -e 's/tensorflow_//' -e 's/_/./')"
  "$python" -m venv "$work/$minor"
  "$work/$minor/bin/pip" install --quiet "tensorflow-cpu==$minor.*" "${wheels[0]}"
  "$work/$minor/bin/python" "$here/check.py" save "$work/models"
done
for environment in "$work"/2.*; do
  "$environment/bin/python" "$here/check.py" answer "$work/models"
done

# A TensorFlow that the wheel has no library for is named, with the way out.
environment="$(printf '%s\n' "$work"/2.* | sort -V | tail -1)"
rm "$environment"/lib/python*/site-packages/tensorflow_scann/_ops_tf_"$(basename "$environment" | tr . _)".so
if "$environment/bin/python" -c 'import tensorflow_scann' 2>"$work/error"; then
  echo "a wheel without an op library for this TensorFlow was imported" >&2
  exit 1
fi
grep "^ImportError: tensorflow_scann was built for TensorFlow" "$work/error"
