#!/usr/bin/env bash
# Fails while gen/ differs from what proto/ and the plugins give.
set -euo pipefail

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
bin/buf generate -o "$fresh"
if ! diff -r -u gen "$fresh/gen"; then
  echo "current: gen/ is stale; run make generate and commit the result" >&2
  exit 1
fi
echo "current: gen/ is current"
