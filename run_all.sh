#!/usr/bin/env bash
# From a fresh clone to every figure, every table and the PDF.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'HELP'
Usage: ./run_all.sh [options] [target]

Sets up what is missing (Python packages, LaTeX), trains, and builds the report. What is done already is not done
again; an interrupted run goes on where it was.

  --preset NAME     smoke (minutes), quick (small networks, for a CPU), full (large ones, for a GPU),
                    or published: only rebuild report/report.pdf from results/published; or one of two studies for
                    the report of the others: ablation (each choice undone, an hour on two CPU cores), codes
                    (sizes of the code, half an hour)
                    (default: full if there is a CUDA device, else quick)
  --device NAME     auto, cpu or cuda (default: auto)
  --data FOLDER     where the data sets are (default: $LPRIOR_DATA, else the user's cache, filled by download)
  --dataset NAMES   one of mnist, fashion-mnist and mnist5k (embedded, needs no download), or cifar10, or one of the
                    former and cifar10: "mnist cifar10" (default: smoke mnist, else "mnist cifar10"). On two CPU cores,
                    quick takes about an hour for MNIST and about 40 minutes more for CIFAR-10. Unless asked for,
                    CIFAR-10 is left out where it is not at hand and cannot be downloaded
  --seeds "0 1"     the seeds to run (default: the preset's)
  --jobs N          how many runs at a time (default: one on a GPU, one per core on a CPU)
  --dry-run         say what would be done
  --force           start the target's runs over, deleting what they had made
  --keep-going      go on with what does not depend on a failed step, or on a data set that is not to be had
  -h, --help        this text

  target            report (default), runs, readings (the runs, and the notebooks that read them), one run, or one
                    file of a run

Examples:
  ./run_all.sh --preset smoke                     the whole path in a few minutes
  ./run_all.sh --preset quick --data ~/datasets   real training on a CPU
  ./run_all.sh --preset quick --dataset mnist     the same without CIFAR-10
  ./run_all.sh --preset full --seeds 0            one seed of the paper's networks
  ./run_all.sh --preset quick mnist-lpaae-s0      one run
  ./run_all.sh mnist-lpaae-fixed-s1/samples.png   one figure

Results: results/<preset>/<run>/ and results/<preset>/report.pdf
HELP
}

fail() {
    echo "run_all.sh: $1" >&2
    exit "${2:-2}"
}

preset="" device=auto dataset="" seeds="" jobs="" target=report snakemake_options=() force=""
while [ $# -gt 0 ]; do
    case "$1" in
    --preset | --device | --data | --dataset | --seeds | --jobs)
        [ $# -ge 2 ] || fail "$1 needs a value; see --help"
        case "$1" in
        --preset) preset=$2 ;;
        --device) device=$2 ;;
        --data) LPRIOR_DATA=$(cd "$2" 2>/dev/null && pwd) || fail "data folder $2 does not exist" && export LPRIOR_DATA ;;
        --dataset) dataset=$2 ;;
        --seeds) seeds=$2 ;;
        --jobs) jobs=$2 ;;
        esac
        shift 2
        ;;
    --dry-run | --keep-going) snakemake_options+=("$1") && shift ;;
    --force) force=1 && shift ;;
    -h | --help) usage && exit 0 ;;
    -*) fail "unknown option $1; see --help" ;;
    *) target=$1 && shift ;;
    esac
done
case "$preset" in
"" | smoke | quick | full | published) ;;
ablation | codes) if [ "$target" = report ]; then target=readings; fi ;;
*) fail "preset '$preset' is unknown: choose smoke, quick, full, ablation, codes or published" ;;
esac
digits=""
for name in $dataset; do
    case "$name" in
    mnist | fashion-mnist | mnist5k)
        [ -z "$digits" ] || fail "--dataset takes one of mnist, fashion-mnist and mnist5k, not both $digits and $name"
        digits=$name
        ;;
    cifar10) ;;
    *) fail "data set '$name' is unknown: choose mnist, fashion-mnist, mnist5k or cifar10" ;;
    esac
done
case "$device" in auto | cpu | cuda) ;; *) fail "device '$device' is unknown: choose auto, cpu or cuda" ;; esac
case "$jobs" in *[!0-9]* | 0) fail "--jobs takes a number of at least 1, not '$jobs'" ;; esac
case "$seeds" in *[!0-9\ ]*) fail "--seeds takes numbers separated by blanks, not '$seeds'" ;; esac
case "$target" in
report | runs | readings) of_target="" ;;
fashion-mnist-*) of_target=fashion-mnist ;;
mnist-* | mnist5k-* | cifar10-*) of_target=${target%%-*} ;;
*) fail "the target '$target' is unknown: choose report, runs, readings, or a run such as mnist-lpaae-s0" ;;
esac

. ./setup.sh
setup_python

has_cuda=$(python -c 'import torch; print(int(torch.cuda.is_available()))')
[ "$device" != cuda ] || [ "$has_cuda" = 1 ] || fail "device cuda was asked for, but torch finds none: use --device cpu or auto"
if [ -z "$preset" ]; then
    preset=quick
    if [ "$has_cuda" = 1 ] && [ "$device" != cpu ]; then preset=full; fi
fi

if [ -z "$jobs" ]; then
    jobs=$(python -c 'import os; print(os.cpu_count())')
    if [ "$has_cuda" = 1 ] && [ "$device" != cpu ]; then jobs=1; fi
fi

# The data sets that are needed, and those of them that are there or could be downloaded, so that no job is started in
# vain. Without MNIST, train on the embedded digits rather than on nothing, and say so.
case "$preset" in
published) needed="" ;;
smoke | ablation | codes) needed=${of_target:-${dataset:-mnist}} ;;
*) needed=${of_target:-${dataset:-mnist cifar10}} ;;
esac
available="" unavailable=""
for name in $needed; do
    echo "Looking for the data of $name ..."
    code=0 && answer=$(python -m lprior data "$name" 2>&1 >/dev/null | tail -n 1) || code=$?
    answer=${answer#lprior: }
    if [ "$code" = 0 ]; then
        available+=" $name"
    elif [ "$code" != 3 ] || [ -n "$of_target" ]; then
        fail "$answer" "$code"
    elif [ -z "$dataset" ] && [ "$name" = mnist ]; then
        printf '\n*** %s\n*** GOING ON WITH mnist5k, 5,000 EMBEDDED DIGITS: ITS RESULTS ARE NOT THOSE OF MNIST.\n\n' "$answer" >&2
        available+=" mnist5k"
    elif [ -z "$dataset" ] || [[ " ${snakemake_options[*]-} " = *" --keep-going "* ]]; then
        echo "run_all.sh: $name is left out: $answer" >&2
        unavailable+=" $name"
    else
        fail "$answer" "$code"
    fi
done
if [ -n "$unavailable" ] && [ -z "$available" ]; then exit 0; fi

mkdir -p results 2>/dev/null && [ -w results ] || fail "the folder results cannot be written"
case "$target" in
report | runs | readings) goal=$target ;;
*/*) goal=results/$preset/$target ;;
*) goal=results/$preset/$target/metrics.json ;;
esac
missing_latex=""
if [ "$goal" = report ] && [[ " ${snakemake_options[*]-} " != *" --dry-run "* ]] && ! setup_latex; then
    missing_latex=1 goal=sources
fi
if [ -n "$force" ]; then snakemake_options+=(--forceall); fi

# One workflow at a time, so that a lock which a killed one left behind can be ignored.
if command -v flock >/dev/null; then
    exec 9>results/.lock
    flock -n 9 || fail "another run_all.sh is at work in this folder"
fi
code=0
SNAKEMAKE_OUTPUT_CACHE="" python -m snakemake --quiet rules host --nolock --rerun-incomplete --cores all \
    --resources run="$jobs" "${snakemake_options[@]}" \
    --config preset="$preset" dataset="${available# }" unavailable="${unavailable# }" seeds="$seeds" device="$device" jobs="$jobs" force="$force" -- "$goal" || code=$?

if [ -n "$missing_latex" ]; then
    echo "run_all.sh: everything is done but the PDF, for which LaTeX is missing. Either (Debian, Ubuntu)" >&2
    echo "  sudo apt-get install --no-install-recommends $LATEX_PACKAGES" >&2
    echo "or (anywhere)  conda install -c conda-forge tectonic ; then call this script again." >&2
    exit 5
fi
[ "$code" = 0 ] || fail "the workflow failed; what was finished is kept, and calling again goes on from there" "$code"
if [ "$goal" = report ] && [[ " ${snakemake_options[*]-} " != *" --dry-run "* ]]; then
    echo "The report: $([ "$preset" = published ] && echo report/report.pdf || echo "results/$preset/report.pdf")"
fi
