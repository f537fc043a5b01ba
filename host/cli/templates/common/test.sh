#!/bin/sh
# Runs the workflow once, on a host of its own, and checks its result. ABIDE names another `abide` than the one in PATH.
set -eu
cd "$(dirname "$0")"
abide=${ABIDE:-abide}
data=$(mktemp -d)
"$abide" dev -o json --listen 127.0.0.1:0 --data "$data/data" >"$data/banner" 2>"$data/log" &
host=$!
trap 'kill $host 2>/dev/null; wait $host 2>/dev/null || true; rm -rf "$data"' EXIT
until grep -q '"url"' "$data/banner"; do
    kill -0 $host || { cat "$data/log" >&2; exit 1; }
    sleep 0.1
done
ABIDE_URL=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$data/banner")
export ABIDE_URL

"$abide" deploy {{source}}
"$abide" start {{name}} --id test --input '{"name": "Ada"}'
"$abide" signal test approval '{"approved": true, "by": "the test"}'
result=$("$abide" result test --wait)
echo "$result"
case $result in
*'"approved":true'*) echo "passed" ;;
*) echo "failed: the result does not say that it was approved" >&2 && exit 1 ;;
esac
