#!/bin/bash
# One command on CPU nodes, started by srun.   sbatch cpu_srun.sh stats 'gs_*.h5:/fields/u' --bins 20
#SBATCH --job-name=serried
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8     # ranks of a node: one for each group of cores that share memory is a good start
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=00:30:00
#SBATCH --output=serried-%j.log # the text report is written to standard error, which goes here, too
# ---- yours: the lines above (account, partition, size), modules, and these ----------------------------------------
SERRIED=${SERRIED:-serried}       # the program: a path, or its name where a module has put it into PATH
START=(srun --mpi=pmix)           # Debian's Open MPI starts under pmix only; `srun --mpi=list` names what there is
# ---- no change is needed below ------------------------------------------------------------------------------------
set -euo pipefail
serried=$(command -v "$SERRIED") || { echo "$SERRIED is not found: SERRIED must name the program" >&2; exit 2; }
# shellcheck source-path=SCRIPTDIR source=functions.sh
source "$(dirname "$(realpath "$serried")")/../share/serried/jobscripts/functions.sh"
need_job "$@"

# Since Slurm 22.05 srun does not take --cpus-per-task from the job: it is said again.
START+=(--cpus-per-task="$SLURM_CPUS_PER_TASK")

"${START[@]}" "$serried" "$@" --report -
