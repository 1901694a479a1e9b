#!/usr/bin/env bash
# What is to be done on a GPU that is lent for minutes, step by step: see benchmarks/on_gpu.py and docs/gpu.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if [ -d .whl ] && [ ! -d build/site ]; then  # wheels that were carried to a machine without a network
    python3 -m pip install -q --no-index --no-deps --no-compile --target build/site .whl/*.whl
fi
export PYTHONPATH="$PWD:$PWD/build/site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
exec python3 benchmarks/on_gpu.py "$@"
