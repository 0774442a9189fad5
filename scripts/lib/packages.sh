# shellcheck shell=bash
# Installs the Debian packages that the scripts need, when something is missing.

# The version of moto that imitates S3 in tests.
MOTO=5.2.5

# Prints the packages whose programs are not here.
missing_packages() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
  compgen -G '/usr/lib/postgresql/*/bin/pgbench' >/dev/null || echo postgresql-contrib
  compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' >/dev/null || echo rabbitmq-server
  command -v jq >/dev/null || echo jq
  command -v curl >/dev/null || echo curl
  # Licences are written in Chinese and Latin letters.
  [ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || echo fonts-noto-cjk
  # Only tests send mails to a server of their own, and have documents checked by somebody else.
  if [ -n "${PACKAGES_FOR_TESTS:-}" ]; then
    command -v chromium >/dev/null || echo chromium
    command -v pdfsig >/dev/null || echo poppler-utils
    command -v zbarimg >/dev/null || echo zbar-tools
    /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || echo python3-aiosmtpd
    /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
    /usr/bin/python3 -c 'import jwcrypto' 2>/dev/null || echo python3-jwcrypto
  fi
  # The portal's styles and scripts are built with npm's packages.
  command -v npm >/dev/null || printf '%s\n' nodejs npm
  command -v cc >/dev/null || printf '%s\n' gcc libc6-dev
}

# An S3 service for tests, in an environment of its own: Debian has none.
install_moto() {
  local environment=$TOOLS/moto
  [ "$(cat "$environment/version" 2>/dev/null)" != "$MOTO" ] || return 0
  say "Installing moto $MOTO"
  rm -rf "$environment"
  /usr/bin/python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$MOTO"
  printf '%s\n' "$MOTO" >"$environment/version"
}

install_missing_packages() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || fail "missing: ${missing[*]} (names of Debian's packages; there is no apt-get here)"
  if ! is_root; then
    sudo -n true 2>/dev/null || fail "missing packages; run this once: sudo apt-get install ${missing[*]}"
    as_root=(sudo -n)
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) || fail "still missing after apt-get install: ${missing[*]}"
}
