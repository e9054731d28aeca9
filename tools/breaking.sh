#!/usr/bin/env bash
# Compares proto/ with an earlier revision: the last release, else what was on
# main before, so that a change which breaks users is a decision.
# BREAKING_AGAINST names another revision.
set -euo pipefail

base=${BREAKING_AGAINST:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)}
if [ -z "$base" ]; then
  for candidate in origin/main HEAD~1; do
    if git rev-parse -q --verify "$candidate^{commit}" >/dev/null &&
      [ "$(git rev-parse "$candidate")" != "$(git rev-parse HEAD)" ]; then
      base=$candidate
      break
    fi
  done
fi
if [ -z "$base" ] || [ -z "$(git ls-tree --name-only "$base" proto/)" ]; then
  echo "breaking: no earlier revision with schemas; nothing to compare"
  exit 0
fi

old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
git archive "$base" proto buf.yaml | tar -x -C "$old"
cp -R third_party "$old/third_party" # git ignores it, so the archive lacks it
buf=$PWD/bin/buf
(cd "$old" && "$buf" build proto -o image.binpb)
"$buf" breaking proto --against "$old/image.binpb"
echo "breaking: compatible with $base"
