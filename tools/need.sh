#!/usr/bin/env bash
# Sees to it that programs which the tests run are there: need.sh PROGRAM=PACKAGE[,PACKAGE]...
# What is missing is installed from the distribution where that is possible, and
# named with a remedy where it is not.
set -euo pipefail

# Debian keeps PostgreSQL's programs out of the PATH.
PATH=$PATH$(printf ':%s' /usr/lib/postgresql/*/bin)

missing=()
for need in "$@"; do
  if ! command -v "${need%%=*}" >/dev/null; then
    IFS=, read -ra packages <<<"${need#*=}"
    missing+=("${packages[@]}")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
  echo "installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  wait_for_lock=(-o DPkg::Lock::Timeout=120) # another installation may be under way
  as_root apt-get "${wait_for_lock[@]}" update -qq >&2
  # The tests start servers themselves; the package must not.
  as_root env RUNLEVEL=1 apt-get "${wait_for_lock[@]}" install -y -qq --no-install-recommends "${missing[@]}" >&2
else
  echo "make test needs ${missing[*]}; install them with your system's package manager" >&2
  exit 1
fi
