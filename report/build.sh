#!/usr/bin/env bash
# Compiles main.tex in the folder $1, with latexmk or else tectonic. The PDF's bytes depend on its inputs alone.
set -euo pipefail
cd "$1"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
export SOURCE_DATE_EPOCH FORCE_SOURCE_DATE=1
if command -v latexmk >/dev/null && command -v pdflatex >/dev/null; then
    latexmk -pdf -g -silent -interaction=nonstopmode -halt-on-error main.tex >latexmk.log 2>&1 || {
        grep -hA6 '^!' main.log | head -n 30 >&2 || true
        echo "LaTeX failed: see $1/main.log" >&2
        exit 1
    }
elif command -v tectonic >/dev/null; then
    tectonic main.tex
else
    echo "no LaTeX: install latexmk and texlive (Debian), or tectonic (conda)" >&2
    exit 1
fi
