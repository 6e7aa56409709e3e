# What the batch scripts share; README.md tells why it is as it is.   source .../share/serried/jobscripts/functions.sh
# shellcheck shell=bash

# HDF5 locks files; on many Lustre and NFS mounts that fails or hangs.
export HDF5_USE_FILE_LOCKING=FALSE

# Slurm does not set these where the options are not given: then each task has one CPU, and as many run on each node.
if [ -n "${SLURM_JOB_ID:-}" ]; then
  export SLURM_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"
  : "${SLURM_NTASKS_PER_NODE:=$((${SLURM_NTASKS:-1} / ${SLURM_JOB_NUM_NODES:-1}))}"
fi

# Before a program: it starts with USR1 ignored, and takes it when it can. (`env --ignore-signal` is younger than some
# clusters.)
# shellcheck disable=SC2016,SC2034  # the inner shell expands "$@"; the scripts use it
ignoring_usr1=(bash -c 'trap "" USR1; exec "$@"' ignoring_usr1)

# The signals that mean: write a checkpoint and end.
stop_signals=(USR1)
trap '' USR1 # where no command of `run` is there to take it, it must not end the script

fail() {
  echo "$*" >&2
  exit 2
}

need_job() {
  [ -n "${SLURM_JOB_ID:-}" ] || fail "this is a script for Slurm: submit it with sbatch"
  (($# > 0)) || fail "arguments are needed; see the second line of the script"
}

# Passes USR1 on to the running command, again every few seconds until it has ended: one that comes before mpirun and
# the ranks take it is lost, and a second one does no harm.
pass_on_usr1() {
  was_interrupted=yes
  [ -z "$messenger" ] || return 0
  (while kill -USR1 "$child" 2>/dev/null; do sleep 2; done) &
  messenger=$!
}

# Runs a command and returns its exit code; USR1, which Slurm sends to this shell before the time limit, is passed on.
# The command runs in the background: while one runs in the foreground, a shell's traps wait for its end.
run() {
  local code signal
  messenger=
  # mpirun and srun would die of a USR1 that comes in their first moments; so they start with it ignored.
  trap '' USR1
  "$@" &
  child=$!
  trap pass_on_usr1 "${stop_signals[@]}"
  while true; do
    was_interrupted=
    code=0
    wait "$child" || code=$?
    [ -n "$was_interrupted" ] || break # else the trap ended the wait, not the command
  done
  trap '' USR1
  for signal in "${stop_signals[@]}"; do [ "$signal" = USR1 ] || trap - "$signal"; done
  [ -z "$messenger" ] || kill "$messenger" 2>/dev/null || true
  return "$code"
}

# reason_to_go_on CODE: prints why another attempt is worth while after this exit code; fails where it is not.
reason_to_go_on() {
  case $1 in
    85) echo "was stopped and has written its checkpoint" ;;
    75) echo "was ended by the watchdog (a host is lost, says the line above)" ;;
    # Killed by the USR1 that was passed on, it had not begun: a checkpoint of an earlier attempt still stands.
    138) [ -n "$messenger" ] && echo "was stopped before it began" ;;
    *) return 1 ;;
  esac
}

# As run; where another attempt is worth while, puts the job into the queue again and ends this one. ATTEMPTS bounds
# their number: an error that comes back in each must not go on for ever.
run_or_requeue() {
  local code=0 reason attempt=$((${SLURM_RESTART_COUNT:-0} + 1))
  run "$@" || code=$?
  if ((code != 0)) && reason=$(reason_to_go_on "$code"); then
    echo "attempt $attempt of job $SLURM_JOB_ID $reason"
    if ((attempt < ${ATTEMPTS:-50})); then
      # Where Slurm has seen a host fail, it has put the job into the queue already.
      if scontrol requeue "$SLURM_JOB_ID" || [ "$(squeue -h -j "$SLURM_JOB_ID" -o %T)" = PENDING ]; then exit 0; fi
      echo "it cannot be requeued; submit it again with CHECKPOINT=FILE in the environment, and it goes on from that"
    else
      echo "it is not requeued: ATTEMPTS is $attempt"
    fi
  fi
  return "$code"
}
