#!/bin/bash
# One command on CPU nodes, started by mpirun.   sbatch cpu_mpirun.sh stats 'gs_*.h5:/fields/u' --bins 20
#SBATCH --job-name=serried
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8     # ranks of a node: one for each group of cores that share memory is a good start
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=00:30:00
#SBATCH --output=serried-%j.log # the text report is written to standard error, which goes here, too
# ---- yours: the lines above (account, partition, size), modules, and these ----------------------------------------
SERRIED=${SERRIED:-serried}       # the program: a path, or its name where a module has put it into PATH
START=(mpirun)                    # options for the network, say
# ---- no change is needed below ------------------------------------------------------------------------------------
set -euo pipefail
serried=$(command -v "$SERRIED") || { echo "$SERRIED is not found: SERRIED must name the program" >&2; exit 2; }
# shellcheck source-path=SCRIPTDIR source=functions.sh
source "$(dirname "$(realpath "$serried")")/../share/serried/jobscripts/functions.sh"
need_job "$@"

# mpirun learns the hosts from Slurm. It binds each rank to one core unless told how many it may use.
START+=(-n "$SLURM_NTASKS" --map-by "ppr:$SLURM_NTASKS_PER_NODE:node:PE=$SLURM_CPUS_PER_TASK" --bind-to core
  -x HDF5_USE_FILE_LOCKING -x SLURM_CPUS_PER_TASK)

"${START[@]}" "$serried" "$@" --report -
