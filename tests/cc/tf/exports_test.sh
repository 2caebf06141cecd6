#!/bin/sh
# The op library exports no symbol. Usage: exports_test.sh LIBRARY
set -eu
exported=$(nm --dynamic --defined-only "$1")
[ -z "$exported" ] || { printf '%s exports:\n%s\n' "$1" "$exported"; exit 1; }
