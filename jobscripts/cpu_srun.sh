#!/bin/bash
# Clusters a simulation's output on CPU nodes, started by srun.   sbatch jobscripts/cpu_srun.sh
#SBATCH --job-name=serried
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8     # ranks of a node: one for each group of cores that share memory is a good start
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=00:30:00
#SBATCH --output=serried-%j.log # the text report is written to standard error, which goes here, too
set -euo pipefail
PROGRAMS=${PROGRAMS:-$SLURM_SUBMIT_DIR/build/host/bin}

# Debian's Open MPI starts under pmix only; pmi2 and none are refused.
# Since Slurm 22.05 srun does not take --cpus-per-task from the job: say it again.
start=(srun --mpi=pmix --cpus-per-task="$SLURM_CPUS_PER_TASK")

# HDF5 locks files; on many Lustre and NFS mounts that fails or hangs.
export HDF5_USE_FILE_LOCKING=FALSE

"${start[@]}" "$PROGRAMS/gray_scott" --size 1024 --steps 4000 --every 1000 --output gs.h5
"${start[@]}" "$PROGRAMS/serried" stats 'gs_*.h5:/fields/u' --bins 20 --report -
"${start[@]}" "$PROGRAMS/serried" kmeans 'gs_*.h5:/fields/u' 'gs_*.h5:/fields/v' --sample-axes all \
  --clusters 4 --model model.h5 --labels labels.h5 --report -
