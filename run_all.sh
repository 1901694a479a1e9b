#!/usr/bin/env bash
# From a fresh clone to every figure, every table and the PDF: sets up what is missing; lprior/workflow does the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./setup.sh

# Any Python can answer --help and wrong arguments, so that nobody waits for the set-up to learn of them.
if python=$(base_python); then
    help=$("$python" -m lprior workflow --check "$@")
    if [ -n "$help" ]; then echo "$help" && exit; fi
fi

setup_python
exec python -m lprior workflow "$@"
