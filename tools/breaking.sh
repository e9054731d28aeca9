#!/usr/bin/env bash
# Compares proto/ with an earlier revision (tools/base.sh).
set -euo pipefail

base=$(tools/base.sh)
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
