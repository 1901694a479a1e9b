# Sourced by run_all.sh, lprior/workflow and run_tests.sh: sets up what is missing, and nothing that is there.

LATEX_PACKAGES="latexmk texlive-latex-recommended texlive-fonts-recommended texlive-pictures"

# The name of a Python that .venv can be made with; returns 1 if there is none.
base_python() {
    local candidate
    for candidate in python3.12 python3.11 python3.13 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate" && return
        fi
    done
    return 1
}

# The active environment if it holds lprior, else .venv, made from the lock file.
setup_python() {
    if python -c 'import lprior, torch, papermill, snakemake, pytest' 2>/dev/null; then return; fi
    local base
    base=$(base_python) || { echo "Python 3.11, 3.12 or 3.13 is needed; conda env create -f environment.yml also gives one" >&2 && exit 2; }
    if ! cmp -s requirements.lock .venv/installed.lock; then
        echo "Installing Python packages into .venv (once; about 5 GB) ..."
        "$base" -m venv .venv || { echo "cannot make .venv: on Debian and Ubuntu, install python3-venv" >&2 && exit 2; }
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
        cp requirements.lock .venv/installed.lock
    fi
    export PATH="$PWD/.venv/bin:$PATH"
}

# LaTeX through apt where that is possible. Returns 1 if there is none in the end.
setup_latex() {
    if command -v tectonic >/dev/null || { command -v latexmk && command -v pdflatex && kpsewhich tikz.sty; } >/dev/null; then
        return 0
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing LaTeX through apt (once; about 70 MB) ..."
        # shellcheck disable=SC2086
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $LATEX_PACKAGES; } >/dev/null && return 0
    fi
    if command -v conda >/dev/null && conda install -q -y -c conda-forge tectonic >/dev/null; then return 0; fi
    return 1
}

# Chromium for tests in a browser, through apt where that is possible. Returns 1 if there is none in the end.
setup_chromium() {
    if command -v chromium chromium-browser google-chrome >/dev/null; then return 0; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing Chromium through apt (once; about 90 MB) ..."
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; } >/dev/null && return 0
    fi
    return 1
}

# What to do where setup_latex returned 1.
latex_advice() {
    echo "Either (Debian, Ubuntu)"
    echo "  sudo apt-get install --no-install-recommends $LATEX_PACKAGES"
    echo "or (anywhere)  conda install -c conda-forge tectonic ; then call this script again."
}
