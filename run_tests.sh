#!/usr/bin/env bash
# Sets up what is missing, checks style, types and imports, then runs the tests, two files at a time; arguments go to
# pytest instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./setup.sh
setup_python
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"  # the tests' networks are too small to gain from threads
if [ $# = 0 ]; then
    ruff check .
    mypy
    lint-imports --no-cache
    if python -c 'import xdist' 2>/dev/null; then set -- --numprocesses 2 --dist loadfile; fi
fi
case " $* " in *" --browser "*) setup_chromium || echo "There is no Chromium, and nothing is tried in one" >&2 ;; esac
exec python -m pytest "$@"
