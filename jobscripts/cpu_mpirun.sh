#!/bin/bash
# Clusters a simulation's output on CPU nodes, started by Open MPI's mpirun.   sbatch jobscripts/cpu_mpirun.sh
#SBATCH --job-name=serried
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8     # ranks of a node
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=00:30:00
#SBATCH --output=serried-%j.log
set -euo pipefail
PROGRAMS=${PROGRAMS:-$SLURM_SUBMIT_DIR/build/host/bin}

# mpirun learns nodes and ranks from Slurm. It binds each rank to one core unless told how many it may use.
start=(mpirun -n "$SLURM_NTASKS" --map-by "ppr:$SLURM_NTASKS_PER_NODE:node:PE=$SLURM_CPUS_PER_TASK" --bind-to core
  -x HDF5_USE_FILE_LOCKING -x SLURM_CPUS_PER_TASK)

# HDF5 locks files; on many Lustre and NFS mounts that fails or hangs.
export HDF5_USE_FILE_LOCKING=FALSE

"${start[@]}" "$PROGRAMS/gray_scott" --size 1024 --steps 4000 --every 1000 --output gs.h5
"${start[@]}" "$PROGRAMS/serried" stats 'gs_*.h5:/fields/u' --bins 20 --report -
"${start[@]}" "$PROGRAMS/serried" kmeans 'gs_*.h5:/fields/u' 'gs_*.h5:/fields/v' --sample-axes all \
  --clusters 4 --model model.h5 --labels labels.h5 --report -
