#!/usr/bin/env bash
# Fails if the committed gRPC code is not what the contracts say, if the studio's types of the API are not those of
# docs/openapi.json, or if a contract breaks who calls by the released one:
# the previous release runs beside this one. buf.released.binpb holds the contracts of the last release; it is in the
# repository, so that a fresh clone compares the same. Without npm's registry there is no buf; then it says that it could
# not look.
set -euo pipefail

make -s node_modules || {
    echo 'signalbox: generated code is not checked: npm cannot install buf' >&2
    exit 0
}

listed() { find sidecar maintenance services -name '*.pb.go' | sort; }

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npx --no-install buf lint
npx --no-install buf build -o "$fresh/contracts.binpb" # of all modules at once: buf compares them one by one else
npx --no-install buf breaking "$fresh/contracts.binpb" --against buf.released.binpb --config buf.yaml
npx --no-install buf generate -o "$fresh"
mkdir -p "$fresh"/{sidecar,maintenance,services}

stale=$(diff <(listed) <(cd "$fresh" && listed) || true)
for file in $(listed); do
    cmp -s "$file" "$fresh/$file" || stale+=$'\n'$file
done
[[ -z $stale ]] || {
    echo "signalbox: generated code is not current, run make generate: $stale" >&2
    exit 1
}

ui=services/web-studio/ui
make -s "$ui/node_modules/.current"
npm run --silent --prefix "$ui" check
