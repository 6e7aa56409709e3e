#!/bin/bash
# A long k-means fit on CPU nodes, started by mpirun: it writes checkpoints and is requeued until it is done.
#   sbatch long_mpirun.sh run.h5:/x --clusters 100 --labels labels.h5 --model model.h5
#SBATCH --job-name=serried-long
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8     # ranks of a node: one for each group of cores that share memory is a good start
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=12:00:00
#SBATCH --signal=B:USR1@300     # to this shell, 5 minutes before the end: time for one iteration and one checkpoint
#SBATCH --requeue               # also after the failure of a node: then from the last checkpoint
#SBATCH --open-mode=append      # one log for all attempts
#SBATCH --output=serried-%j.log
# ---- yours: the lines above (account, partition, size), modules, and these ----------------------------------------
SERRIED=${SERRIED:-serried}       # the program: a path, or its name where a module has put it into PATH
START=(mpirun)                    # options for the network, say
EVERY=${EVERY:-15min}             # how often the checkpoint is saved on the way
ATTEMPTS=${ATTEMPTS:-50}          # the job is requeued at most so often
# ---- no change is needed below ------------------------------------------------------------------------------------
set -euo pipefail
serried=$(command -v "$SERRIED") || { echo "$SERRIED is not found: SERRIED must name the program" >&2; exit 2; }
# shellcheck source-path=SCRIPTDIR source=functions.sh
source "$(dirname "$(realpath "$serried")")/../share/serried/jobscripts/functions.sh"
need_job "$@"

# mpirun learns the hosts from Slurm. It binds each rank to one core unless told how many it may use.
START+=(-n "$SLURM_NTASKS" --map-by "ppr:$SLURM_NTASKS_PER_NODE:node:PE=$SLURM_CPUS_PER_TASK" --bind-to core
  -x HDF5_USE_FILE_LOCKING -x SLURM_CPUS_PER_TASK)

# The first attempt has no checkpoint yet and begins afresh; the others go on from it.
checkpoint=${CHECKPOINT:-serried-$SLURM_JOB_ID.checkpoint.h5}
run_or_requeue "${START[@]}" "${ignoring_usr1[@]}" "$serried" kmeans "$@" --checkpoint "$checkpoint" \
  --resume "$checkpoint" --every "$EVERY" --report -
rm -f "$checkpoint"
