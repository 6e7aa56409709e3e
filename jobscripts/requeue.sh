# Functions for batch scripts whose programs write checkpoints; see README.md.   source jobscripts/requeue.sh

trap '' USR1  # where no command of `run` is there to take it, it must not end the script

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
  local code
  messenger=
  # mpirun and srun would die of a USR1 that comes in their first moments; so they start with it ignored.
  trap '' USR1
  "$@" &
  child=$!
  trap pass_on_usr1 USR1
  while true; do
    was_interrupted=
    code=0
    wait "$child" || code=$?
    [ -n "$was_interrupted" ] || break  # else the trap ended the wait, not the command
  done
  trap '' USR1
  [ -z "$messenger" ] || kill "$messenger" 2>/dev/null || true
  return "$code"
}

# As run; where the command was stopped and has written its checkpoint (exit code 85), puts the job into the queue
# again and ends it.
run_or_requeue() {
  local code=0
  run "$@" || code=$?
  # Killed by the USR1 that was passed on (138), it had not begun: a checkpoint of an earlier attempt still stands.
  [ "$code" -ne 138 ] || [ -z "$messenger" ] || code=85
  if [ "$code" -eq 85 ]; then
    echo "attempt ${SLURM_RESTART_COUNT:-0} of job $SLURM_JOB_ID was stopped with a checkpoint, or before its start: it is requeued"
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
  fi
  return "$code"
}
