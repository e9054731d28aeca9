#!/usr/bin/env bash
# Fails while what is generated differs from what proto/ and the plugins give.
set -euo pipefail

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
bin/buf generate -o "$fresh"
for folder in gen deploy/observability/generated; do
  if ! diff -r -u "$folder" "$fresh/$folder"; then
    echo "current: $folder is stale; run make generate and commit the result" >&2
    exit 1
  fi
done
echo "current: what is generated is current"
