#!/bin/sh
# `npm run demo`: the main job on a directory of its own, which is removed afterwards: a million lines in and out again, with no
# server anywhere. Fails when a byte differs. Needs nothing but the build.
set -eu
streamctl() { node "$(dirname "$0")/streamctl.js" "$@"; }
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT INT TERM

echo "+ seq 1 1000000 | streamctl produce n --create --dir $directory/data"
seq 1 1000000 | streamctl produce n --create --dir "$directory/data"
echo "+ streamctl topics describe n --dir $directory/data"
streamctl topics describe n --dir "$directory/data"
echo "+ streamctl consume n --exit-at-end --dir $directory/data | cksum"
streamctl consume n --exit-at-end --dir "$directory/data" > "$directory/out"
cksum < "$directory/out"
echo '+ seq 1 1000000 | cksum'
seq 1 1000000 | cksum
seq 1 1000000 | cmp - "$directory/out"
echo 'the same'
