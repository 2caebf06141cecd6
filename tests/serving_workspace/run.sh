#!/usr/bin/env bash
# Builds the serving ops in a workspace laid out as TensorFlow Serving's (see
# third_party/tf_serving/README.md), and there, too, a program that uses the engine alone.
#
# usage: run.sh PYTHON [BAZEL_STARTUP_OPTION...]
#   PYTHON: an interpreter with TensorFlow
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
python="$1"
shift

work="$(mktemp -d)"
startup=("$@" --output_base="$work/output")
cleanup() {
  (cd "$work/serving" && bazel "${startup[@]}" shutdown)
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap cleanup EXIT

cp -r "$here/template" "$work/serving"
cd "$work/serving"
find . -name 'BUILD.template' | while read -r file; do mv "$file" "${file%.template}"; done
touch tensorflow_serving/BUILD
cp -r "$root/third_party/bazel" bazel
# The ops of others are not here.
sed -i -e '/org_tensorflow_decision_forests/d' tensorflow_serving/model_servers/BUILD

read -r include lib < <(TF_CPP_MIN_LOG_LEVEL=3 "$python" -c \
  'import tensorflow as tf; print(tf.sysconfig.get_include(), tf.sysconfig.get_lib())' 2>/dev/null)
ln -s "$include" org_tensorflow/include
ln -s "$lib"/lib*.so.2 org_tensorflow/

apply="$root/third_party/tf_serving/apply.py"
if "$python" "$apply" --check . 2>/dev/null; then
  echo "apply.py --check finds what was not applied" >&2
  exit 1
fi
"$python" "$apply" .
cp WORKSPACE tensorflow_serving/model_servers/BUILD "$work"
"$python" "$apply" . # again, and nothing changes
cmp WORKSPACE "$work/WORKSPACE"
cmp tensorflow_serving/model_servers/BUILD "$work/BUILD"
sed -i -e '/org_tensorflow_text/d' tensorflow_serving/model_servers/BUILD

options=(--compilation_mode=opt --cxxopt=-std=c++17 --host_cxxopt=-std=c++17 --strategy=CppCompile=local
  --nosandbox_debug --symlink_prefix=/ --color=no --curses=no --noshow_progress)
# Serving compiles with the old ABI of std::string; a wheel cannot be linked with that.
bazel "${startup[@]}" build "${options[@]}" --cxxopt=-D_GLIBCXX_USE_CXX11_ABI=0 \
  --output_groups=compilation_outputs @org_tensorflow_scann//cc/tf:{serving,searcher_resource} \
  @org_tensorflow_scann//cc/{tf:identifier_tensors,io:index_file,search:index,kernels}
server=//tensorflow_serving/model_servers:tensorflow_model_server
bazel "${startup[@]}" build "${options[@]}" --cxxopt=-DEIGEN_MAX_ALIGN_BYTES=64 "$server"
found="$(bazel "${startup[@]}" run "${options[@]}" --cxxopt=-DEIGEN_MAX_ALIGN_BYTES=64 "$server" -- \
  ScannSearcher ScannLoad ScannSearch ScannSearchBatched ScannSave 2>/dev/null)"
expected=$'ScannSearcher\nScannLoad\nScannSearch\nScannSearchBatched'
if [[ "$found" != "$expected" ]]; then
  printf 'The model server has these ops:\n%s\nnot these:\n%s\n' "$found" "$expected" >&2
  exit 1
fi

cp "$root/examples/cc/search_with_engine.cc" engine/
"$python" -c 'import numpy; numpy.arange(8, dtype="<f4").tofile("queries.f32")'
found="$(bazel "${startup[@]}" run "${options[@]}" //engine:search_with_engine -- \
  "$root/tests/golden/v4_tree_string_ids.idx" "$PWD/queries.f32" 2>/dev/null)"
if ! grep -qE '^candidate [0-9]+ [0-9.]+(, candidate [0-9]+ -?[0-9.]+){9}$' <<<"$found"; then
  printf 'The program that uses the engine found:\n%s\n' "$found" >&2
  exit 1
fi
echo "The serving ops build in Serving's workspace and are linked in, and so is the engine alone."
