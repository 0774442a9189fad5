# shellcheck shell=bash
# Finds out which loopback ports are free.

port_is_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Prints a free port, below the range that the kernel gives to outgoing connections. Random, so
# that two scripts which look at the same moment do not find the same one.
free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000))
    if ! port_is_taken "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
  complain "found no free port on 127.0.0.1 between 20000 and 32000"
  return 1
}
