#!/bin/bash
# A long k-means fit with mpirun alone, without Slurm: at a desk, or inside the jobs of another batch system.
#   ./plain_mpirun.sh run.h5:/x --clusters 100 --labels labels.h5 --model model.h5
# USR1 or TERM to this script: the fit writes its checkpoint, and the script ends with code 85. Called again in the same
# way, in the same folder, it goes on. After the loss of a rank or host it begins again from the checkpoint by itself.
# ---- yours ----------------------------------------------------------------------------------------------------------
SERRIED=${SERRIED:-serried}       # the program: a path, or its name where a module has put it into PATH
RANKS=${RANKS:-2}
START=(mpirun -n "$RANKS")        # on several hosts: --hostfile FILE, with lines such as `n17 slots=8`
#START+=(--map-by ppr:8:node:PE=4 --bind-to core)    # 8 ranks on each host, 4 cores each
CHECKPOINT=${CHECKPOINT:-serried.checkpoint.h5}
EVERY=${EVERY:-15min}             # how often the checkpoint is saved on the way
ATTEMPTS=${ATTEMPTS:-5}
# ---- no change is needed below ------------------------------------------------------------------------------------
set -euo pipefail
serried=$(command -v "$SERRIED") || { echo "$SERRIED is not found: SERRIED must name the program" >&2; exit 2; }
# shellcheck source-path=SCRIPTDIR source=functions.sh
source "$(dirname "$(realpath "$serried")")/../share/serried/jobscripts/functions.sh"
(($# > 0)) || fail "arguments are needed; see the third line of the script"
stop_signals=(USR1 TERM)

for ((attempt = 1; ; ++attempt)); do
  code=0
  run "${START[@]}" -x HDF5_USE_FILE_LOCKING "${ignoring_usr1[@]}" "$serried" kmeans "$@" --checkpoint "$CHECKPOINT" \
    --resume "$CHECKPOINT" --every "$EVERY" --report - || code=$?
  if ((code != 75 || attempt >= ATTEMPTS)); then break; fi
  echo "attempt $attempt $(reason_to_go_on "$code"); the next one begins" >&2
done
if ((code == 0)); then rm -f "$CHECKPOINT"; fi
exit "$code"
