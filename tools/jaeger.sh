#!/usr/bin/env bash
# Builds Jaeger for `make stack`: jaeger.sh VERSION OUTPUT. Its module replaces a
# requirement, so that go install does not take it; ours here replaces the same.
set -euo pipefail

version=$1 output=$(realpath -m "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
module=github.com/jaegertracing/jaeger
source=$(go mod download -json "$module@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
install -m 600 "$source/go.sum" go.sum
{
  echo "module jaeger"
  echo "require $module $version"
  grep '^replace ' "$source/go.mod"
} >go.mod
go build -mod=mod -o "$output" "$module/cmd/jaeger"
