#!/bin/bash
# A long k-means fit with checkpoints, started by srun, that is requeued until it is done.
#   sbatch jobscripts/long_srun.sh run.h5:/x
#SBATCH --job-name=serried-long
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8     # ranks of a node
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=12:00:00
#SBATCH --signal=B:USR1@120     # to this shell, 2 minutes before the end: time for one iteration and one checkpoint
#SBATCH --requeue               # also after the failure of a node: then from the last checkpoint
#SBATCH --open-mode=append
#SBATCH --output=serried-%j.log
set -euo pipefail
FOLDER=${FOLDER:-$SLURM_SUBMIT_DIR}
PROGRAMS=${PROGRAMS:-$FOLDER/build/host/bin}
source "$FOLDER/jobscripts/requeue.sh"

# Debian's Open MPI starts under pmix only. Since Slurm 22.05 srun does not take --cpus-per-task from the job.
start=(srun --mpi=pmix --cpus-per-task="$SLURM_CPUS_PER_TASK")

# HDF5 locks files; on many Lustre and NFS mounts that fails or hangs.
export HDF5_USE_FILE_LOCKING=FALSE

# The first attempt has no checkpoint yet and begins afresh; the others go on from it.
checkpoint=checkpoint-$SLURM_JOB_ID.h5
run_or_requeue "${start[@]}" env --ignore-signal=USR1 "$PROGRAMS/serried" kmeans "$@" --clusters 100 --n-init 10 \
  --labels labels.h5 --model model.h5 --checkpoint "$checkpoint" --resume "$checkpoint" --every 15min \
  --report -
rm -f "$checkpoint"
