#!/usr/bin/env bash
# Finds a Python 3.11 or newer that can make virtual environments (where there is none: installs
# Debian's) and hands over to setup.py. This is all that runs before there is a Python.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "setup: $*" >&2
  exit 1
}

find_python() {
  local candidate candidates=("${PYTHON:-}")
  if [ -z "${PYTHON:-}" ]; then
    candidates=(python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11)
  fi
  for candidate in "${candidates[@]}"; do
    "$candidate" -c '
import ensurepip, sys, venv
if sys.version_info < (3, 11): sys.exit(1)
print(sys.executable)' 2>/dev/null && return 0
  done
  return 1
}

if ! python=$(find_python); then
  [ -z "${PYTHON:-}" ] || fail "not a Python 3.11 or newer with venv: PYTHON=$PYTHON"
  packages=(python3 python3-venv)
  command -v apt-get >/dev/null ||
    fail "no Python 3.11 with venv and no apt-get here: install Python, or name one: make PYTHON=/path/to/python3"
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo: install as root: apt-get install ${packages[*]}"
    as_root=(sudo)
  fi
  echo "setup: no Python 3.11 with venv; installing Debian packages: ${packages[*]}"
  log=.cache/setup/python.log
  mkdir -p "$(dirname "$log")"
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  install=("${apt[@]}" install -y --no-install-recommends "${packages[@]}")
  # The second try is for a machine on which an installation was killed in the middle.
  if ! {
    "${apt[@]}" update &&
      { "${install[@]}" || { "${as_root[@]}" dpkg --configure -a && "${install[@]}"; }; }
  } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail "cannot install ${packages[*]}; the whole output is in $log"
  fi
  python=$(find_python) || fail "the distribution's Python is older than 3.11: $(/usr/bin/python3 --version)"
fi

exec "$python" -B tools/setup/setup.py "$@"
