#!/bin/bash
# A k-means fit on GPU nodes, one rank for each card, started by mpirun; with checkpoints, requeued until it is done.
#   sbatch gpu_mpirun.sh run.h5:/x --clusters 100 --labels labels.h5 --model model.h5
#SBATCH --job-name=serried-gpu
#SBATCH --nodes=2
#SBATCH --gpus-per-node=4
#SBATCH --ntasks-per-node=4     # as many ranks as cards
#SBATCH --cpus-per-task=8       # threads of a rank, which read and decompress: the cores of a node by its cards
#SBATCH --time=12:00:00
#SBATCH --signal=B:USR1@300     # to this shell, 5 minutes before the end: time for one iteration and one checkpoint
#SBATCH --requeue               # also after the failure of a node: then from the last checkpoint
#SBATCH --open-mode=append      # one log for all attempts
#SBATCH --output=serried-%j.log
# ---- yours: the lines above (account, partition, size), modules, and these ----------------------------------------
SERRIED=${SERRIED:-serried}       # the program: a path, or its name where a module has put it into PATH
START=(mpirun)                    # options for the network, say
DEVICE=${DEVICE:-cuda}            # cuda: a rank without a card is an error; auto: the host then, and the log says so
EVERY=${EVERY:-15min}             # how often the checkpoint is saved on the way
ATTEMPTS=${ATTEMPTS:-50}          # the job is requeued at most so often
# ---- no change is needed below ------------------------------------------------------------------------------------
set -euo pipefail
serried=$(command -v "$SERRIED") || { echo "$SERRIED is not found: SERRIED must name the program" >&2; exit 2; }
# shellcheck source-path=SCRIPTDIR source=functions.sh
source "$(dirname "$(realpath "$serried")")/../share/serried/jobscripts/functions.sh"
need_job "$@"

# Each rank sees all cards of its node and takes the one of its own place there.
# mpirun learns the hosts from Slurm. It binds each rank to one core unless told how many it may use.
START+=(-n "$SLURM_NTASKS" --map-by "ppr:$SLURM_NTASKS_PER_NODE:node:PE=$SLURM_CPUS_PER_TASK" --bind-to core
  -x HDF5_USE_FILE_LOCKING -x SLURM_CPUS_PER_TASK)

# The first attempt has no checkpoint yet and begins afresh; the others go on from it.
checkpoint=${CHECKPOINT:-serried-$SLURM_JOB_ID.checkpoint.h5}
run_or_requeue "${START[@]}" "${ignoring_usr1[@]}" "$serried" kmeans "$@" --checkpoint "$checkpoint" \
  --resume "$checkpoint" --every "$EVERY" --device "$DEVICE" --report -
rm -f "$checkpoint"
