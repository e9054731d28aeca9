#!/usr/bin/env bash
# Prints the earlier revision that a check compares with: the last release, else
# what was on main before, so that a change which breaks users is a decision.
# BREAKING_AGAINST names another revision. Prints nothing where there is none.
set -euo pipefail

base=${BREAKING_AGAINST:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)}
for candidate in ${base:+"$base"} origin/main HEAD~1; do
  if git rev-parse -q --verify "$candidate^{commit}" >/dev/null &&
    [ "$(git rev-parse "$candidate^{commit}")" != "$(git rev-parse HEAD)" ]; then
    echo "$candidate"
    exit 0
  fi
done
