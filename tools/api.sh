#!/usr/bin/env bash
# Compares the Go API of the packages that users import with an earlier revision
# (tools/base.sh). An incompatible change fails unless tools/api-changes.txt
# names it: what breaks somebody's build is a decision, with its reason beside it.
set -euo pipefail

frozen=(gateway gateway/policy gateway/process gen/venta/policy/v1)
module=$(go list -m)
base=$(tools/base.sh)
if [ -z "$base" ]; then
  echo "api: no earlier revision; nothing to compare"
  exit 0
fi

old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
mkdir "$old/tree"
git archive "$base" | tar -x -C "$old/tree"
apidiff=$PWD/bin/apidiff
found=0
for package in "${frozen[@]}"; do
  [ -d "$old/tree/$package" ] || continue # it is new
  (cd "$old/tree" && "$apidiff" -w "$old/before" "$module/$package")
  "$apidiff" -w "$old/after" "$module/$package"
  # A line begins with the same text wherever the change is seen from.
  while IFS= read -r change; do
    grep -qxF -- "$package: $change" tools/api-changes.txt && continue
    echo "$package: $change"
    found=1
  done < <("$apidiff" -incompatible "$old/before" "$old/after" | sed -n 's/^- //p')
done
if [ "$found" -ne 0 ]; then
  echo "api: incompatible with $base; undo it, or decide it: add the lines to tools/api-changes.txt with the reason" >&2
  exit 1
fi
echo "api: compatible with $base"
