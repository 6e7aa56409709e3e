#!/usr/bin/env bash
# Two hosts with a real Slurm on this machine: slurmctld and two slurmd in network namespaces, to try batch scripts.
#
#   scripts/slurm_sandbox.sh up [OPTIONS]            starts it; installs Slurm where it is missing (Debian)
#   scripts/slurm_sandbox.sh submit [SBATCH OPTIONS] SCRIPT [ARGUMENTS]
#                                                    submits, waits for the end, shows the output; the job's exit code
#   scripts/slurm_sandbox.sh run [1|2] COMMAND...    runs a command on node1 or node2: squeue, scancel, sbatch, a shell
#   scripts/slurm_sandbox.sh status                  nodes and jobs
#   scripts/slurm_sandbox.sh cut                     cuts the link between the hosts
#   scripts/slurm_sandbox.sh mend                    joins it again; Slurm finds node2 within half a minute
#   scripts/slurm_sandbox.sh down                    ends everything in it and removes it
#   scripts/slurm_sandbox.sh check                   names what is missing to start it (exit code 77), installs nothing
#
# Options of `up`:
#   --cpus N         CPUs of each host as Slurm sees them, 1 by default; they may be more than the machine has
#   --gpus N         GPUs of each host as Slurm sees them, none by default; there is nothing behind them
#   --share FOLDER   a folder below /tmp that both hosts see (may be repeated); this checkout is always shared
#   --minutes N      ends by itself after so long, 480 by default
#   --no-install     as `check` where something is missing
# For all: --state FOLDER, where it lives: /var/tmp/serried-slurm-UID by default, or SERRIED_SANDBOX. Several may run.
#
# node1 (10.77.0.1, with slurmctld) and node2 (10.77.0.2) have their own network, host name, processes, /tmp and
# /dev/shm. All other folders are shared, as those of a cluster's file system. Needs root, or a user with newuidmap and
# a range of ids in /etc/subuid. Outside of its namespaces, which end with their processes, there is only the folder.
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$self")/lib.sh"
SKIPPED=77
here=$OLDPWD # lib.sh has changed to the root of the checkout

say() { printf 'slurm_sandbox: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# --- what is needed -----------------------------------------------------------------------------------------------

# How namespaces are made: root makes them as it is, others as the root of a user namespace with many ids.
namespaces() {
  echo --mount --pid --net --ipc --uts --fork --kill-child --mount-proc
  if ((EUID != 0)); then echo --user --map-root-user --map-auto; fi
}

# into PID COMMAND...: runs it in the namespaces of a process.
into() {
  local -a user=()
  # Inside, one is root already.
  if ((EUID != 0)); then user=(--user); fi
  nsenter --target "$1" "${user[@]}" --mount --pid --net --ipc --uts -- "${@:2}"
}

# Prints a line for each thing that is missing.
missing() {
  local tool
  local -a kind
  for tool in unshare:util-linux nsenter:util-linux ip:iproute2 pgrep:procps flock:util-linux munged:munge \
    slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client; do
    if ! PATH=$PATH:/usr/sbin:/sbin command -v "${tool%:*}" >/dev/null; then
      echo "the program ${tool%:*} (Debian: ${tool#*:})"
    fi
  done
  if ! command -v unshare >/dev/null; then return 0; fi
  if ((EUID != 0)) && ! command -v newuidmap >/dev/null; then
    echo "root's rights, or the program newuidmap (Debian: uidmap)"
    return 0
  fi
  read -r -d '' -a kind < <(namespaces) || true
  if ! unshare "${kind[@]}" bash -c : 2>/dev/null; then
    echo "the right to make namespaces (unshare ${kind[*]}):"
    echo "  root's, in a container with its privileges; or user namespaces, and a range of ids in /etc/subuid"
  elif ! unshare "${kind[@]}" env PATH="$PATH:/usr/sbin:/sbin" ip link add name sandbox0 type veth peer name sandbox1 \
    >/dev/null 2>&1 && command -v ip >/dev/null; then
    echo "virtual Ethernet (ip link add type veth): the kernel has it not, or forbids it"
  fi
}

check() {
  local lines
  lines=$(missing)
  if [[ -z $lines ]]; then return 0; fi
  say "cannot start here, because this is missing:"
  printf '  %s\n' "${lines//$'\n'/$'\n  '}" >&2
  return $SKIPPED
}

# --- state --------------------------------------------------------------------------------------------------------

# The keeper is the process outside of the namespaces whose end is the end of all in them. Prints its number, or fails.
keeper() {
  local pid
  pid=$(cat "$state/keeper" 2>/dev/null) || return 1
  # The number may belong to another process by now.
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$self inside $state " || return 1
  echo "$pid"
}

# Only one at a time may start or end a sandbox. The lock is on the folder itself, so that no other file is left.
lock() {
  while true; do
    mkdir -p "$state"
    chmod 0755 "$state"
    exec {lock}<"$state"
    flock -w 60 "$lock" || fail "another command holds $state"
    # Whoever held it before may have removed the folder.
    if [[ $(stat -c %i "/proc/self/fd/$lock/.") == "$(stat -c %i "$state" 2>/dev/null)" ]]; then return 0; fi
    exec {lock}<&-
  done
}

# Does a process run? One that has ended may wait for its parent to collect it.
runs() {
  local state_letter
  state_letter=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [[ $state_letter != [ZX] ]]
}

remove() {
  local pid first
  if pid=$(keeper); then
    # --kill-child takes the first process in the namespaces along, which ends when all others there have.
    first=$(pgrep -P "$pid" || true)
    kill -KILL "$pid" 2>/dev/null || true
    while runs "$pid" || { [[ -n $first ]] && runs "$first"; }; do sleep 0.02; done
  fi
  # What is dying may write for a moment yet; files of a user namespace's other ids are removed from inside one.
  local try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if rm -rf "$state" 2>/dev/null; then return 0; fi
    if ((EUID != 0 && try == 5)); then
      unshare --user --map-root-user --map-auto rm -rf "$state" 2>/dev/null || true
    fi
    sleep 0.2
  done
  fail "$state cannot be removed"
}

# enter NODE COMMAND...: runs it on a host, in the folder of the caller.
enter() {
  local pid first node=$1
  shift
  pid=$(keeper) || fail "it does not run; start it with: $self up"
  first=$(pgrep -P "$pid" | head -n 1)
  [[ -s $state/init-$node ]] || fail "it has not started yet"
  # shellcheck disable=SC2016  # the inner shell expands its own arguments
  into "$first" nsenter --target "$(cat "$state/init-$node")" --mount --pid --net --ipc --uts -- \
    env -u TMPDIR -u HOSTNAME "${job_environment[@]}" \
    bash -c 'cd "$1" 2>/dev/null || cd /; shift; exec "$@"' enter "$here" "$@"
}

# --- inside -------------------------------------------------------------------------------------------------------

# The first process in the namespaces: makes the two hosts, starts the daemons, and waits.
inside() {
  local minutes=$1 cpus=$2 gpus=$3
  shift 3
  local node
  local -a init=()
  export PATH=$PATH:/usr/sbin:/sbin
  write_configuration "$cpus" "$gpus"
  for node in 1 2; do
    unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc \
      bash "$self" --state "$state" host "$node" "$@" &
    init[node]=$!
    while [[ ! -e $state/ready-$node ]]; do
      kill -0 $! 2>/dev/null || fail "node$node did not start"
      sleep 0.02
    done
    # Its first process: the host is entered by it.
    init[node]=$(pgrep -P "${init[node]}")
    echo "${init[node]}" >"$state/init-$node"
  done
  nsenter --target "${init[1]}" --net ip link add eth0 type veth peer name eth0 netns "${init[2]}"
  for node in 1 2; do
    nsenter --target "${init[node]}" --net bash -ec \
      "ip link set lo up; ip addr add 10.77.0.$node/24 dev eth0; ip link set eth0 up"
  done
  daemon 1 munged --foreground --force --key-file="$state/munge/key" --socket="$state/munge/socket" \
    --pid-file="$state/munge/pid" --seed-file="$state/munge/seed" --log-file="$state/log/munged.log"
  while [[ ! -S $state/munge/socket ]]; do sleep 0.02; done
  daemon 1 slurmctld -D
  daemon 1 slurmd -D -N node1
  daemon 2 slurmd -D -N node2
  touch "$state/started"
  # Children of others that have died are this process's to collect, and bash does so while it waits.
  sleep $((minutes * 60)) &
  wait $! || true
  kill -KILL -1 || true
  rm -rf "$state"
}

# daemon NODE COMMAND...: starts it on a host.
daemon() {
  local node=$1
  shift
  into "${init[node]}" env "SLURM_CONF=$state/slurm.conf" "$@" \
    >>"$state/log/$1-node$node.out" 2>&1 </dev/null &
}

# The first process of a host.
host() {
  local node=$1
  shift
  hostname "node$node"
  mount --bind "$state/hosts" /etc/hosts
  # Folders below /tmp that are shared are held elsewhere while the host gets a /tmp of its own.
  local folder number=0
  for folder in "$@"; do
    mkdir -p "$state/shared-$node-$((++number))"
    mount --rbind "$folder" "$state/shared-$node-$number"
  done
  mount -t tmpfs -o mode=1777 serried_tmp /tmp
  mount -t tmpfs -o mode=1777 serried_shm /dev/shm
  number=0
  for folder in "$@"; do
    mkdir -p "$folder"
    mount --move "$state/shared-$node-$((++number))" "$folder"
  done
  touch "$state/ready-$node"
  while true; do
    sleep 3600 &
    wait $! || true
  done
}

write_configuration() {
  local cpus=$1 gpus=$2 memory node gres=""
  # Half of what is there for each host, in MiB.
  memory=$(awk '/^MemAvailable:/ {print int($2 / 2048)}' /proc/meminfo)
  mkdir -p "$state"/{log,munge,save,spool-node1,spool-node2}
  chmod 0700 "$state/munge"
  (umask 077 && head -c 128 /dev/urandom >"$state/munge/key")
  chmod 0755 "$state/munge"
  printf '127.0.0.1 localhost\n10.77.0.1 node1\n10.77.0.2 node2\n' >"$state/hosts"
  : >"$state/gres.conf"
  if ((gpus > 0)); then
    gres="Gres=gpu:$gpus"
    # Slurm wants to find devices; it does not use them.
    for ((node = 0; node < gpus; ++node)); do ln -s /dev/null "$state/gpu$node"; done
    echo "Name=gpu File=$state/gpu[0-$((gpus - 1))]" >"$state/gres.conf"
  fi
  # config_overrides: the hosts have the CPUs that stand here. cred_expire: a job that is requeued waits as long as
  # credentials are valid, 2 minutes else.
  cat >"$state/slurm.conf" <<CONF
ClusterName=sandbox
SlurmctldHost=node1(10.77.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket,cred_expire=5
CredType=cred/munge
MpiDefault=pmix
GresTypes=gpu
StateSaveLocation=$state/save
SlurmdSpoolDir=$state/spool-%n
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd-%n.pid
SlurmctldLogFile=$state/log/slurmctld.log
SlurmdLogFile=$state/log/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
ReturnToService=2
JobRequeue=1
SlurmdTimeout=10
KillWait=5
NodeName=node1 NodeAddr=10.77.0.1 CPUs=$cpus CoresPerSocket=$cpus RealMemory=$memory $gres
NodeName=node2 NodeAddr=10.77.0.2 CPUs=$cpus CoresPerSocket=$cpus RealMemory=$memory $gres
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

# --- commands -----------------------------------------------------------------------------------------------------

up() {
  local cpus=1 gpus=0 minutes=480 is_installing=1 pid
  local -a shared=() kind
  # Below /tmp, which each host has for itself, the checkout would be out of sight.
  if [[ $serried_root == /tmp/* ]]; then shared=("$serried_root"); fi
  while (($# > 0)); do
    case $1 in
      --cpus) cpus=${2:?} && shift ;;
      --gpus) gpus=${2:?} && shift ;;
      --minutes) minutes=${2:?} && shift ;;
      --share)
        [[ -d ${2:?} ]] || fail "--share: $2 is no folder"
        if [[ $(realpath "$2") == /tmp/* ]]; then shared+=("$(realpath "$2")"); fi
        shift
        ;;
      --no-install) is_installing=0 ;;
      *) fail "up: unknown option $1 (--help tells)" ;;
    esac
    shift
  done
  for pid in "$cpus" "$gpus" "$minutes"; do [[ $pid =~ ^[0-9]{1,6}$ ]] || fail "up: '$pid' is no number"; done
  if ((cpus < 1 || minutes < 1)); then fail "up: at least one CPU and one minute"; fi

  if ((is_installing)) && [[ $(missing) == *"the program "* ]]; then serried_install_packages sandbox; fi
  check || exit $?
  lock
  if pid=$(keeper) && [[ -e $state/started ]]; then
    say "it runs already, in $state"
    return 0
  fi
  remove # what an earlier one has left
  lock
  trap 'say "interrupted"; remove; exit 130' INT TERM HUP
  read -r -d '' -a kind < <(namespaces) || true
  # The number of the keeper is written before there is anything that it keeps.
  # shellcheck disable=SC2016  # the inner shell expands its own arguments
  setsid bash -c 'echo $$ >"$1/keeper"; shift; exec "$@"' keeper "$state" \
    unshare "${kind[@]}" bash "$self" inside "$state" "$minutes" "$cpus" "$gpus" "${shared[@]}" \
    >"$state/keeper.log" 2>&1 </dev/null {lock}<&- &
  pid=$!
  disown
  local seconds_left=60
  until [[ $(states) == "idle idle" ]]; do
    sleep 0.5
    if ! kill -0 "$pid" 2>/dev/null || (((seconds_left -= 1) == 0)); then
      tail -n 5 "$state/keeper.log" "$state"/log/* >&2 2>/dev/null || true
      remove
      fail "it did not start; the ends of its logs are above"
    fi
  done
  trap - INT TERM HUP
  say "two hosts of $cpus CPUs and $gpus GPUs; state and logs in $state"
}

# The states of the nodes in one line.
states() {
  [[ -e $state/started ]] || return 0
  enter 1 timeout 5 sinfo -h -N -o %T 2>/dev/null | xargs || true
}

submit() {
  local job
  job=$(enter 1 sbatch --parsable "$@") || return $?
  job=${job%%;*}
  say "job $job"
  # A job that is requeued is not at its end.
  while [[ -n $(enter 1 squeue -h -o %T -j "$job" 2>/dev/null) ]]; do sleep 0.5; done
  local line code=0 name value
  while read -r line; do
    for value in $line; do
      name=${value%%=*}
      value=${value#*=}
      case $name in
        ExitCode)
          # CODE:SIGNAL; of an array the largest.
          if ((${value#*:} > 0)); then value=$((128 + ${value#*:})); else value=${value%:*}; fi
          if ((value > code)); then code=$value; fi
          ;;
        JobState) if [[ $value != COMPLETED && $code == 0 ]]; then code=1; fi ;;
      esac
    done
    say "$(grep -oE '\b(JobId|ArrayTaskId|JobState|ExitCode|Restarts|RunTime|NodeList)=[^ ]*' <<<"$line" | xargs)"
    value=$(sed -n 's/.* StdOut=\([^ ]*\).*/\1/p' <<<"$line")
    if [[ -r $value ]]; then cat "$value"; fi
  done < <(enter 1 scontrol --oneliner show job "$job")
  return "$code"
}

set_link() { enter 2 env PATH="$PATH:/usr/sbin:/sbin" ip link set eth0 "$1"; }

state=${SERRIED_SANDBOX:-/var/tmp/serried-slurm-$UID}
if [[ ${1:-} == --state ]]; then
  state=${2:?--state: a folder is needed}
  shift 2
fi
command=${1:-help}
shift || true
if [[ $command == inside ]]; then
  state=$1
  shift
fi
state=$(cd "$here" && realpath -m "$state")
# The hosts share this machine's cores: ranks that wait give theirs away.
job_environment=("SLURM_CONF=$state/slurm.conf" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_mpi_yield_when_idle=1)

case $command in
  inside) inside "$@" ;;
  host) host "$@" ;;
  help | -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$self" ;;
  check) check ;;
  up)
    [[ $state != /tmp && $state != /tmp/* ]] || fail "--state: each host has a /tmp of its own; take /var/tmp, say"
    ((${#state} < 80)) || fail "--state: $state is too long for the name of a socket"
    [[ ! -e $state || -e $state/keeper || -z $(ls -A "$state") ]] || fail "--state: $state is not empty, and no sandbox"
    up "$@"
    ;;
  submit) submit "$@" ;;
  run)
    node=1
    if [[ ${1:-} == [12] ]]; then
      node=$1
      shift
    fi
    (($# > 0)) || fail "run: a command is needed"
    enter "$node" "$@"
    ;;
  status)
    keeper >/dev/null || fail "it does not run"
    enter 1 sinfo -N -o '%N %T %C (CPUs: allocated/idle/other/total) %G'
    enter 1 squeue -o '%.10i %.16j %.12T %.10M %.6D %.20R'
    ;;
  cut) set_link down ;;
  mend) set_link up ;;
  down)
    [[ -e $state ]] || exit 0
    [[ -e $state/keeper || -z $(ls -A "$state") ]] || fail "$state is no sandbox"
    lock
    remove
    ;;
  *) fail "unknown command $command (--help tells)" ;;
esac
