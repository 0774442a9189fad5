# shellcheck shell=bash
# Remembers processes by pid and start time, so that a recycled pid is never taken for ours.

# Prints when a live process started, in ticks, and in which boot. Fails for one that is gone.
process_identity() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The name in parentheses may hold anything; the state follows it, 19 fields on the start time.
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != [ZX] ]] || return 1
  printf '%s@%s\n' "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)"
}

# record_process FILE PID
record_process() {
  printf '%s %s\n' "$2" "$(process_identity "$2" || echo gone)" >"$1"
}

# Prints the pid recorded in FILE when that very process is still running.
recorded_process() {
  local pid identity
  [ -s "$1" ] && read -r pid identity <"$1" || return 1
  [ "$(process_identity "$pid")" = "$identity" ] || return 1
  printf '%s\n' "$pid"
}

# stop_process PID SIGNAL SECONDS: asks, waits, and at last insists.
stop_process() {
  local pid=$1 signal=$2 identity deadline=$((SECONDS + $3))
  identity=$(process_identity "$pid") || return 0
  kill -s "$signal" "$pid" 2>/dev/null || true
  while [ "$(process_identity "$pid")" = "$identity" ]; do
    if ((SECONDS >= deadline)); then
      complain "process $pid did not stop within $3 s and was killed"
      kill -s KILL "$pid" 2>/dev/null || true
      deadline=$((SECONDS + 10))
    fi
    sleep 0.05
  done
}

# stop_recorded FILE [SIGNAL [SECONDS]]: stops the process recorded in FILE, if it still runs.
stop_recorded() {
  local pid
  if pid=$(recorded_process "$1"); then
    stop_process "$pid" "${2:-TERM}" "${3:-30}"
  fi
  rm -f "$1"
}
