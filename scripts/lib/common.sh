# shellcheck shell=bash
# Sourced by every script: where things are, how to speak, how to build.

shopt -s inherit_errexit

# For the scripts that source this file.
# shellcheck disable=SC2034
REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/lodestone
TOOLS=$CACHE/tools

say() {
  printf '%s\n' "$*"
}

complain() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

fail() {
  complain "$@"
  exit 1
}

is_root() {
  [ "$(id -u)" = 0 ]
}

# Seconds since a moment of $EPOCHREALTIME, with one decimal.
seconds_since() {
  local now=$EPOCHREALTIME
  local tenths=$(((${now//[!0-9]/} - ${1//[!0-9]/}) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step TITLE COMMAND...: runs a function of this shell and says how long it took.
step() {
  local title=$1 began=$EPOCHREALTIME
  shift
  "$@"
  printf '%-44s %6s s\n' "$title" "$(seconds_since "$began")"
}

# Finds cargo, and builds outside the checkout so that a fresh clone starts warm.
use_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs and run this again"
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
  PATH=$TOOLS/bin:$PATH
  forget_another_checkout
}

# What was built knows where its sources were (tests read snapshots there), and cargo takes what
# another checkout built for its own. Dependencies stay.
forget_another_checkout() {
  local built_in=$CARGO_TARGET_DIR/checkout
  [ "$(cat "$built_in" 2>/dev/null)" = "$REPOSITORY" ] && return
  if [ -d "$CARGO_TARGET_DIR" ]; then
    (cd "$REPOSITORY" && cargo clean --quiet --workspace && cargo clean --quiet --workspace --release)
  fi
  mkdir -p "$CARGO_TARGET_DIR"
  printf '%s\n' "$REPOSITORY" >"$built_in"
}

# Always everything: which features a dependency is built with depends on what is built beside it,
# so two scripts that build different parts would undo each other's work.
build_release() {
  cargo build --release --locked --workspace --bins || fail "the build failed"
}
