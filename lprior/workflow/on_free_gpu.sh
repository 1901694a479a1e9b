#!/usr/bin/env bash
# on_free_gpu.sh JOBS "GPU ..." COMMAND ...: calls a command with one of the GPUs, of which another call of as many JOBS
# at a time has another one as long as there are enough. A slot is free again when its command has ended, however it did.
set -euo pipefail
jobs=$1 && read -ra gpus <<< "$2" && shift 2
mkdir -p results
for ((slot = 0; slot < jobs; slot++)); do
    exec {lock}> "results/.gpu-slot-$slot.lock"
    if flock --nonblock "$lock"; then
        CUDA_VISIBLE_DEVICES=${gpus[slot % ${#gpus[@]}]} exec "$@"
    fi
done
echo "all $jobs slots are taken" >&2 && exit 1
