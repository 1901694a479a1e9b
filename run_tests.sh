#!/usr/bin/env bash
# Sets up what is missing, then runs the tests; arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./setup.sh
setup_python
exec python -m pytest "$@"
