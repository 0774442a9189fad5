# shellcheck shell=bash
# Private PostgreSQL and RabbitMQ: each whole in one directory, on loopback only, on ports of its
# own. Debian's cluster and node are never touched. As root they run as postgres and rabbitmq.
#
#   postgres_up DIR [PORT]     postgres_down DIR [SIGNAL]     postgres_pid DIR
#   rabbitmq_up DIR [PORT]     rabbitmq_down DIR              rabbitmq_pid DIR
#
# `up` prints the URL, keeps the port in DIR for the next time and does nothing when the instance
# is up already. Anybody on this machine may sign in: for development and tests.
#
# POSTGRES_LIBRARIES=pg_stat_statements loads what counts statements, for whoever turns it on.
# POSTGRES_FSYNC=off makes instances that will be thrown away faster. An acknowledged commit then
# still survives kill -9, but not a power cut.

# shellcheck source=scripts/lib/ports.sh
. "$(dirname "${BASH_SOURCE[0]}")/ports.sh"
# shellcheck source=scripts/lib/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/processes.sh"

# Descriptor 9 is the lock of `up` and `down`: what they start must not inherit it.

# Sets RUN_AS to the prefix that makes a command run as this user. It replaces itself by the
# command, so that $! is the pid of what was started.
set_run_as() {
  RUN_AS=()
  if [ "$(id -un)" != "$1" ]; then
    RUN_AS=(setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups --)
  fi
}

# own_directory DIR USER: makes the directory and sets RUN_AS to its owner. As root a new one is
# given to USER; one that is there keeps its owner.
own_directory() {
  if [ ! -d "$1" ]; then
    mkdir -p "$1"
    if is_root; then chown "$2:" "$1"; fi
    chmod 700 "$1"
  fi
  set_run_as "$(stat -c %U "$1")"
  cd "$1" || return 1
  "${RUN_AS[@]}" test -w "$1" || {
    complain "$1 cannot be reached by the user $(stat -c %U "$1") who owns it: one of the directories above is closed to others"
    return 1
  }
}

# choose_port FILE [PORT]: the port asked for, the one remembered if it is still free, or a new one.
choose_port() {
  local port=${2:-}
  if [ -z "$port" ] && [ -s "$1" ]; then
    port=$(<"$1")
    if port_is_taken "$port"; then port=; fi
  fi
  port=${port:-$(free_port)}
  [ -n "$port" ] || return 1
  printf '%s\n' "$port" | tee "$1"
}

postgres_url() {
  printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$(<"$1/port")"
}

postgres_programs() {
  printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1
}

# The postmaster of this directory, if it runs: its command line names the data directory.
postgres_pid() {
  local pid
  read -r pid 2>/dev/null <"$1/data/postmaster.pid" || return 1
  process_identity "$pid" >/dev/null || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$1/data" || return 1
  printf '%s\n' "$pid"
}

# A quarter of the memory, at most 1 GB.
postgres_shared_buffers_mb() {
  awk '/^MemTotal:/ { mb = int($2 / 4096); print (mb > 1024 ? 1024 : mb) }' /proc/meminfo
}

postgres_configuration() {
  cat <<CONFIGURATION
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = $1
max_connections = 300
shared_buffers = $(postgres_shared_buffers_mb)MB
max_wal_size = 4GB
wal_level = logical
shared_preload_libraries = '${POSTGRES_LIBRARIES:-}'
pg_stat_statements.track = none
fsync = ${POSTGRES_FSYNC:-on}
full_page_writes = ${POSTGRES_FSYNC:-on}
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
CONFIGURATION
}

postgres_up() {
  (
    directory=$(realpath -m "$1")
    own_directory "$directory" postgres
    if ! postgres_pid "$directory" >/dev/null; then
      postgres_initialise "$directory"
      postgres_launch "$directory" "${2:-}"
    fi
    postgres_url "$directory"
  )
}

postgres_initialise() {
  [ ! -s "$1/data/PG_VERSION" ] || return 0
  rm -rf "$1/data"
  "${RUN_AS[@]}" env LC_ALL=C.UTF-8 "$(postgres_programs)/initdb" -D "$1/data" -U postgres -A trust \
    -E UTF8 --locale=C.UTF-8 --data-checksums --no-sync >"$1/initdb.log" 2>&1 || {
    complain "PostgreSQL could not be initialised: $(tail -n 3 "$1/initdb.log")"
    return 1
  }
}

# Tries again for a while: another process may take the port first, or the backends of a killed
# postmaster may not all be gone.
postgres_launch() {
  local port
  for _ in {1..8}; do
    port=$(choose_port "$1/port" "${2:-}")
    postgres_configuration "$port" >"$1/data/postgresql.conf"
    "${RUN_AS[@]}" env LC_ALL=C.UTF-8 "$(postgres_programs)/pg_ctl" -D "$1/data" -w -t 120 -l "$1/postgres.log" start \
      </dev/null >/dev/null 2>&1 9>&- && return
    sleep 0.5
  done
  complain "PostgreSQL did not start on port $port: $(tail -n 3 "$1/postgres.log"). Its log: $1/postgres.log"
  return 1
}

# postgres_down DIR [SIGNAL]: INT is PostgreSQL's fast shutdown.
postgres_down() {
  local directory pid
  directory=$(realpath -m "$1")
  if pid=$(postgres_pid "$directory"); then
    stop_process "$pid" "${2:-INT}" 60
  fi
}

rabbitmq_url() {
  printf 'amqp://guest:guest@127.0.0.1:%s/%%2f\n' "$(<"$1/port")"
}

rabbitmq_programs() {
  # Not the wrapper in /usr/sbin: that one insists on Debian's own user, log and data directories.
  printf '%s\n' /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin | sort -V | tail -n 1
}

rabbitmq_pid() {
  recorded_process "$1/pid"
}

rabbitmq_configuration() {
  cat <<CONFIGURATION
listeners.tcp.1 = 127.0.0.1:$1
log.file.level = info
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 50MB
CONFIGURATION
}

# What the node and its tools must agree on.
rabbitmq_environment() {
  cat <<ENVIRONMENT
export HOME='$1' LC_ALL=C.UTF-8
export RABBITMQ_NODENAME=lodestone@localhost RABBITMQ_BASE='$1'
export RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE='$1/rabbitmq.conf' RABBITMQ_ADVANCED_CONFIG_FILE='$1/advanced.config'
export RABBITMQ_MNESIA_BASE='$1/mnesia' RABBITMQ_LOG_BASE='$1/log' RABBITMQ_SCHEMA_DIR='$1/schema'
export RABBITMQ_ENABLED_PLUGINS_FILE='$1/enabled_plugins' RABBITMQ_PID_FILE='$1/rabbitmq.pid'
export RABBITMQ_DIST_PORT=$(<"$1/distribution_port") ERL_EPMD_PORT=$(<"$1/epmd_port") ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none'
ENVIRONMENT
}

rabbitmq_up() {
  (
    directory=$(realpath -m "$1")
    own_directory "$directory" rabbitmq
    if ! rabbitmq_pid "$directory" >/dev/null; then
      rabbitmq_launch "$directory" "${2:-}"
    fi
    rabbitmq_url "$directory"
  )
}

# Again when it failed: another process may have taken one of the three ports first.
rabbitmq_launch() {
  local directory=$1
  for _ in {1..3}; do
    rabbitmq_start_node "$directory" "${2:-}"
    if rabbitmq_becomes_ready "$directory"; then return; fi
    rabbitmq_down "$directory"
  done
  complain "RabbitMQ did not start: $(tail -n 5 "$directory/out.log"). Its logs: $directory/out.log, $directory/log"
  return 1
}

# A quorum queue keeps several files open. Not more than helps: Erlang reserves memory for as many
# as it may open. `rabbitmq_up` is a subshell, so the limit is the node's alone.
rabbitmq_open_files() {
  local limit most=65536
  limit=$(ulimit -H -n)
  if [ "$limit" = unlimited ] || ((limit > most)); then limit=$most; fi
  ulimit -S -n "$limit"
}

rabbitmq_start_node() {
  local directory=$1
  rabbitmq_open_files
  stop_recorded "$directory/epmd.pid"
  choose_port "$directory/port" "$2" >/dev/null
  choose_port "$directory/distribution_port" >/dev/null
  choose_port "$directory/epmd_port" >/dev/null
  rabbitmq_configuration "$(<"$directory/port")" >"$directory/rabbitmq.conf"
  rabbitmq_environment "$directory" >"$directory/environment"
  printf '[].\n' >"$directory/enabled_plugins"
  "${RUN_AS[@]}" sh -c 'umask 077; [ -s .erlang.cookie ] || { od -An -N16 -tx1 /dev/urandom | tr -d " \n" >.erlang.cookie && chmod 400 .erlang.cookie; }'
  rabbitmq_start_epmd "$directory"
  # RabbitMQ's script then becomes the node instead of watching over it. Its directory is $0 there.
  # shellcheck disable=SC2016
  setsid "${RUN_AS[@]}" sh -c '. ./environment; RUNNING_UNDER_SYSTEMD=true; export RUNNING_UNDER_SYSTEMD; exec "$0/rabbitmq-server"' \
    "$(rabbitmq_programs)" >"$directory/out.log" 2>&1 </dev/null 9>&- &
  record_process "$directory/pid" $!
}

# The node would start one itself, which nobody would stop.
rabbitmq_start_epmd() {
  setsid "${RUN_AS[@]}" epmd -port "$(<"$1/epmd_port")" -address 127.0.0.1 \
    >"$1/epmd.log" 2>&1 </dev/null 9>&- &
  record_process "$1/epmd.pid" $!
  for _ in {1..100}; do
    if port_is_taken "$(<"$1/epmd_port")"; then return; fi
    sleep 0.05
  done
}

# RabbitMQ answers a client's greeting only after everything else is up.
rabbitmq_becomes_ready() {
  local deadline=$((SECONDS + 120))
  while ((SECONDS < deadline)) && rabbitmq_pid "$1" >/dev/null; do
    if rabbitmq_greets "$(<"$1/port")"; then return; fi
    sleep 0.1
  done
  return 1
}

rabbitmq_greets() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf 'AMQP\0\0\11\1' >&3
    [ "$(timeout 5 head -c 1 <&3 | od -An -tu1)" -eq 1 ]
  ) 2>/dev/null
}

rabbitmq_down() {
  local directory
  directory=$(realpath -m "$1")
  stop_recorded "$directory/pid" TERM 60
  stop_recorded "$directory/epmd.pid"
}
