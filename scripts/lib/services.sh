# shellcheck shell=bash
# The processes of Lodestone that serve, and how `up` runs them from a checkout.
#
# Everything that a run leaves behind is under .lodestone/:
#   *.env               addresses of the private PostgreSQL and RabbitMQ, ports of the services
#   secrets/            keys, made once
#   bulk/               files of many filings, until every line has its verdict
#   run/NAME.pid        pid and start time; run/NAME.started: the binary and settings it runs with
#   log/NAME.log        log of the present run, log/NAME.log.1 of the one before
#   postgres, rabbitmq  their data, unless these users cannot reach the checkout (data_directory)

# shellcheck source=scripts/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lib/private-services.sh
. "$(dirname "${BASH_SOURCE[0]}")/private-services.sh"

STATE=$REPOSITORY/.lodestone

# For the scripts that source this file.
# shellcheck disable=SC2034
SERVICES=(reporting-api licensing anomaly-worker outbox-relay portal)
declare -A DEFAULT_PORTS=([reporting-api]=8081 [licensing]=8082 [anomaly-worker]=8083 [outbox-relay]=8084 [portal]=8080)

READY_SECONDS=60

# Makes the state directory and keeps a second `up` or `down` waiting until this one ends.
take_state() {
  mkdir -p "$STATE"/{run,log,secrets} 2>/dev/null || true
  [ -w "$STATE" ] || fail "$STATE cannot be written ($(stat -c '%U owns %n' "$STATE" "$REPOSITORY" 2>/dev/null | head -n 1)): run scripts/down --wipe as that user, or use a checkout of your own"
  chmod 700 "$STATE/secrets"
  exec 9>"$STATE/lock"
  if ! flock -n 9; then
    say "Waiting for another scripts/up or scripts/down in this checkout"
    flock 9
  fi
}

# Prints where the private instances keep their data: in the checkout where that works, otherwise
# (a checkout below a home closed to others, or a path with spaces, which RabbitMQ cannot bear) in
# a directory named after it. Once chosen it is remembered.
data_directory() {
  local name
  if [ ! -s "$STATE/data-directory" ]; then
    name=$(printf '%s' "$REPOSITORY" | sha256sum | head -c 12)
    if [[ $STATE =~ ^[A-Za-z0-9._/-]+$ ]] && reachable_by_service_users; then
      printf '%s\n' "$STATE"
    elif is_root; then
      printf '/var/lib/lodestone/%s\n' "$name"
    else
      printf '%s/lodestone/%s\n' "${XDG_STATE_HOME:-$HOME/.local/state}" "$name"
    fi >"$STATE/data-directory"
  fi
  cat "$STATE/data-directory"
}

reachable_by_service_users() {
  local user
  is_root || return 0
  for user in postgres rabbitmq; do
    set_run_as "$user"
    "${RUN_AS[@]}" test -x "$STATE" || return 1
  done
}

service_is_running() {
  recorded_process "$STATE/run/$1.pid" >/dev/null
}

# Prints the port of a service: the one it had, its own, or when another process has that, a free one.
choose_service_port() {
  local name=$1 file=$STATE/$1.env port=${DEFAULT_PORTS[$1]}
  if [ -s "$file" ]; then port=$(sed -n 's/^PORT=//p' "$file"); fi
  if ! service_is_running "$name" && port_is_taken "$port"; then
    complain "port $port of $name is taken by another process: using a free one"
    port=$(free_port)
  fi
  printf 'PORT=%s\n' "$port" >"$file"
  printf '%s\n' "$port"
}

service_url() {
  printf 'http://127.0.0.1:%s\n' "$(sed -n 's/^PORT=//p' "$STATE/$1.env")"
}

# Prints the settings of a service, one NAME=VALUE a line. Others may be set from outside.
service_settings() {
  cat <<SETTINGS
DATABASE_URL=$DATABASE_URL
AMQP_URL=$AMQP_URL
LODESTONE_HTTP__ADDRESS=127.0.0.1:$2
LODESTONE_SECRETS__KEY_FILE=$STATE/secrets/server.key
LODESTONE_SIGNING__KEY_FILE=$STATE/secrets/signing.pem
LODESTONE_SEALED__KEY_FILE=$STATE/secrets/sealed.keys
LODESTONE_BULK__FOLDER=$STATE/bulk
LODESTONE_DOCUMENTS__FOLDER=$STATE/documents
LODESTONE_LOG__FORMAT=${LODESTONE_LOG__FORMAT:-text}
$(portal_settings "$1")
SETTINGS
}

# The portal finds the two interfaces where they are; on this machine its cookies need no TLS.
portal_settings() {
  [ "$1" = portal ] || return 0
  cat <<SETTINGS
LODESTONE_PORTAL__REPORTING_URL=$(service_url reporting-api)
LODESTONE_PORTAL__LICENSING_URL=$(service_url licensing)
LODESTONE_PORTAL__ASSETS_FOLDER=$CARGO_TARGET_DIR/portal-assets
LODESTONE_PORTAL__SECURE_COOKIES=false
SETTINGS
}

# What a running service must agree with: its binary and everything it was told.
service_fingerprint() {
  {
    sha256sum "$(binary "$1")"
    if [ "$1" = portal ]; then cat "$CARGO_TARGET_DIR/portal-assets.built"; fi
    service_settings "$1" "$2"
    env | grep '^LODESTONE_' | sort || true
  } | sha256sum
}

binary() {
  printf '%s/release/%s\n' "$CARGO_TARGET_DIR" "$1"
}

# Starts a service, or restarts it when its binary or settings are no longer those it runs with.
start_service() {
  local name=$1 port fingerprint log=$STATE/log/$1.log settings
  port=$(choose_service_port "$name")
  fingerprint=$(service_fingerprint "$name" "$port")
  if service_is_running "$name"; then
    [ "$(cat "$STATE/run/$name.started" 2>/dev/null)" != "$fingerprint" ] || return 0
    say "$name: binary or settings changed, restarting"
    stop_service "$name"
  fi
  if [ -e "$log" ]; then mv "$log" "$log.1"; fi
  mapfile -t settings < <(service_settings "$name" "$port")
  (
    export "${settings[@]}"
    exec setsid "$(binary "$name")"
  ) >"$log" 2>&1 </dev/null 9>&- &
  record_process "$STATE/run/$name.pid" $!
  printf '%s\n' "$fingerprint" >"$STATE/run/$name.started"
}

stop_service() {
  stop_recorded "$STATE/run/$1.pid"
  rm -f "$STATE/run/$1.started"
}

wait_until_ready() {
  local name=$1 url deadline=$((SECONDS + READY_SECONDS))
  url=$(service_url "$name")/health/ready
  until curl -fsS -o /dev/null --noproxy '*' --max-time 5 "$url" 2>/dev/null; do
    service_is_running "$name" || service_failed "$name" "it ended by itself"
    ((SECONDS < deadline)) ||
      service_failed "$name" "it was not ready after $READY_SECONDS s: $(curl -sS --noproxy '*' --max-time 5 "$url" 2>&1 | head -c 500)"
    sleep 0.1
  done
}

service_failed() {
  local log=$STATE/log/$1.log
  complain "$1 did not start: $2"
  complain "the last lines of its log, $log:"
  tail -n 15 "$log" | sed 's/^/    /' >&2
  exit 1
}
