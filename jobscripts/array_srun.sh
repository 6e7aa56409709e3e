#!/bin/bash
# One file for each task of an array: each is clustered by itself, on one node, with checkpoints.
#   sbatch --array=0-9 array_srun.sh run_*.h5      # task 0 takes the first file; %4 behind it: at most 4 at a time
#SBATCH --job-name=serried-array
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8     # ranks of a node: one for each group of cores that share memory is a good start
#SBATCH --cpus-per-task=4       # threads of a rank
#SBATCH --time=02:00:00
#SBATCH --signal=B:USR1@300     # to this shell, 5 minutes before the end: time for one iteration and one checkpoint
#SBATCH --requeue               # also after the failure of a node: then from the last checkpoint
#SBATCH --open-mode=append      # one log for all attempts
#SBATCH --output=serried-%A-%a.log
# ---- yours: the lines above (account, partition, size), modules, and these ----------------------------------------
SERRIED=${SERRIED:-serried}       # the program: a path, or its name where a module has put it into PATH
START=(srun --mpi=pmix)           # Debian's Open MPI starts under pmix only; `srun --mpi=list` names what there is
EVERY=${EVERY:-15min}             # how often the checkpoint is saved on the way
ATTEMPTS=${ATTEMPTS:-50}          # the job is requeued at most so often
OBJECT=${OBJECT:-/x}              # the dataset in each file
OPTIONS=${OPTIONS:---clusters 8}  # of kmeans
# ---- no change is needed below ------------------------------------------------------------------------------------
set -euo pipefail
serried=$(command -v "$SERRIED") || { echo "$SERRIED is not found: SERRIED must name the program" >&2; exit 2; }
# shellcheck source-path=SCRIPTDIR source=functions.sh
source "$(dirname "$(realpath "$serried")")/../share/serried/jobscripts/functions.sh"
need_job "$@"

task=${SLURM_ARRAY_TASK_ID:?submit it with --array=0-$(($# - 1))}
((task < $#)) || fail "task $task has no file: there are $#, so --array=0-$(($# - 1))"
shift "$task"
file=$1
name=$(basename "$file" .h5)-$task # two folders may have files of one name

# Since Slurm 22.05 srun does not take --cpus-per-task from the job: it is said again.
START+=(--cpus-per-task="$SLURM_CPUS_PER_TASK")

checkpoint=serried-${SLURM_ARRAY_JOB_ID}_$task.checkpoint.h5
read -r -a options <<<"$OPTIONS"
run_or_requeue "${START[@]}" "${ignoring_usr1[@]}" "$serried" kmeans "$file:$OBJECT" "${options[@]}" \
  --labels "labels-$name.h5" --model "model-$name.h5" --checkpoint "$checkpoint" --resume "$checkpoint" \
  --every "$EVERY" --report -
rm -f "$checkpoint"
