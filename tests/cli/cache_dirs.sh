#!/bin/bash
# Packages from one build to the next by a directory: --cache-to and --cache-from. Two builds write
# to one directory at once, one with an empty store compiles nothing; what is damaged or hostile is
# compiled; a build that failed or was stopped leaves what it had finished. Then the same of
# snapshots, with which nothing is even merged.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly usage=2 host=3 failed=6
e2e_limit=200
graph=$scratch/repo
leaves=$("$e2e_lib/graph.py" "$graph" --packages 4)
leaf=${leaves##*/}
shared=$scratch/shared

# graph_spec NAME [PORTAGE [TABLES]]: lines of [portage], and tables before the phase. No build goes
# on to the last phase: an image would only take time.
graph_spec() {
  {
    standin_head "$1" | sed 's,^profile = .*,profile = "standin:standin/linux/amd64",'
    printf '%s\n' "[repos.graph]" "path = \"$graph\"" "${3:-}" \
      "[[phase]]" 'name = "graph"' 'emerge = ["dev-graph/all"]' \
      "[[phase]]" 'name = "after"' 'run = "true"'
  } | awk -v portage="${2:-}" '{ print } /^make_conf/ && portage != "" { print portage }' \
    >"$scratch/$1.toml"
}
# What was compiled, by the packages' own word.
compiled() {
  jq -r 'select(.event == "output") | .line | select(startswith("GRAPH-COMPILE")) | .[14:]' "$1" |
    LC_ALL=C sort
}
told() { jq -r --arg event "$2" 'select(.event == $event) | .message // .text' "$1"; }
# Every package in a directory is what is told of it. Prints their names.
sound() {
  local facts
  assert_equal "$(find "$1" -name '.*' -not -path "$1")" "" "left behind"
  for facts in "$1"/gbox-packages/*.json; do
    [[ -e $facts ]] || continue
    assert_equal "$(sha256sum <"$1/$(jq -r .place "$facts")")" "$(jq -r .sha256 "$facts")  -"
    jq -r .cpv "$facts"
  done | sed 's,^dev-graph/,,; s,-1$,,' | LC_ALL=C sort
}
# Makes the store as it was before the phase.
forget() {
  "$e2e_lib/in-ids" bash -c '
    rm -rf "$1"/packages/*
    grep -lE "\"phase\":\"graph\"" "$1"/records/*.json | xargs -r rm' -- "$store"
}

graph_spec one
graph_spec two
packages=$({ basename -a "$graph"/dev-graph/p*; echo all; } | LC_ALL=C sort)

at_once() {
  local name pids=()
  for name in one two; do
    "$GBOX" build --store "$scratch/store-$name" --progress json "$scratch/$name.toml" \
      --cache-from "dir=$shared" --cache-to "dir=$shared" --until graph \
      >/dev/null 2>"$scratch/events-$name" </dev/null &
    pids+=($!)
  done
  e2e_background+=("${pids[@]}")
  for pid in "${pids[@]}"; do wait "$pid" || fail "a build: $(tail -n 5 "$scratch"/events-*)"; done
  assert_equal "$(compiled "$scratch/events-one")" "$(grep -v all <<<"$packages")"
  assert_equal "$(sound "$shared")" "$packages"
  assert_equal "$(grep -c '^PATH: ' "$shared/Packages")" "$(wc -l <<<"$packages")"
  assert_contains "$(told "$scratch/events-one" fact)" " written to '$shared'"
  # Both made a snapshot of the same phase, and one of them is there.
  assert_equal "$(find "$shared/gbox-snapshots" -type f | wc -l)" 2
  assert_equal "$(find "$shared" -not -user "$(id -un)")" "" "files of others"
}
check "two builds write to one directory at once, and it is sound" at_once

own_store store-two
whole() {
  forget
  ok gbox plan "$scratch/one.toml" --cache-from "dir=$shared"
  assert_matches "$out" "cached *graph.*from '$shared'"
  build_events events "$scratch/one.toml" --cache-from "dir=$shared" --cache-to dir=handed --until graph
  assert_equal "$status" 0
  assert_equal "$(events events step-start)" "" "run although it was there"
  assert_contains "$(told events fact)" "snapshot of graph ("
  assert_lacks "$(told events fact)" "graph: 5 packages"
  assert_lacks "$(told events warning)" "--cache"
  assert_equal "$(cd "$shared/gbox-snapshots" && sha256sum -- *.zst)" \
    "$(cd handed/gbox-snapshots && sha256sum -- *.zst)"
  # But for the spec's name, as either of two specs may have been the last to write.
  assert_equal "$(jq -S 'del(.spec)' "$shared"/gbox-snapshots/*.json)" \
    "$(jq -S 'del(.spec)' handed/gbox-snapshots/*.json)"
  assert_equal "$(jq -r .spec handed/gbox-snapshots/*.json)" one
}
check "a store that lacks a phase takes its snapshot, and hands on what it took" whole

build_events() { # of packages alone
  local file=$1
  shift
  run gbox build --progress json --cache-snapshots never "$@"
  printf '%s\n' "$err" >"$file"
}

taken() {
  forget
  build_events events "$scratch/one.toml" --cache-from "dir=$shared" --cache-from "dir=absent" --until graph
  assert_equal "$status" 0
  assert_equal "$(compiled events)" "" "compiled in another store"
  assert_matches "$(told events fact)" "graph: 5 packages \\([0-9.]+ KiB\\) from '$shared'"
  assert_contains "$(told events fact)" "/absent' is not there yet"
  assert_lacks "$(told events warning)" "--cache"
  local program=/usr/bin/graph-$leaf
  assert_equal "$(gbox run graph "$program")" "$(gbox run --store "$scratch/store-one" graph "$program")"
  # All of it is in the store now: what the phase was made of is left all the same.
  build_events events "$scratch/one.toml" --cache-to "dir=again" --until graph
  assert_equal "$status" 0
  assert_equal "$(events events step-start)" ""
  assert_equal "$(sound again)" "$packages"
}
check "a store that lacks them compiles nothing, and hands on what it took" taken

hostile() {
  local name facts swapped broken linked
  forget
  ok gbox plan --json --cache-snapshots never "$scratch/one.toml" --cache-from "dir=$shared"
  assert_equal "$(jq -r '[.steps[] | select(.package != null) | .reason] | unique[]' <<<"$out")" \
    "from '$shared'"
  ok gbox plan --cache-snapshots never "$scratch/one.toml" --cache-from "dir=$shared"
  assert_contains "$out" "graph: 5 packages, 0 in the store, 5 from elsewhere, 0 to build"
  cp -r "$shared" bad
  broken=$(find bad -name 'p00-1*.gpkg.tar')
  linked=$(find bad -name 'p01-1*.gpkg.tar')
  printf x | dd of="$broken" bs=1 seek=2000 conv=notrunc status=none
  ln -sf "$(realpath "$shared")/${linked#bad/}" "$linked"
  facts=$(for name in bad/gbox-packages/*.json; do
    [[ $(jq -r .cpv "$name") != dev-graph/p02-1 ]] || echo "$name"
  done)
  swapped=$(for name in bad/gbox-packages/*.json; do
    [[ $(jq -r .cpv "$name") != dev-graph/p03-1 ]] || echo "$name"
  done)
  cp "$swapped" "$facts"
  build_events events "$scratch/one.toml" --cache-from dir=bad --cache-to dir=bad --until graph
  assert_equal "$status" 0
  assert_equal "$(compiled events)" $'p00\np01\np02'
  assert_equal "$(told events warning | grep -c -- '--cache-from: .* is not taken: ')" 3
  assert_contains "$(told events warning)" "its SHA-256 is"
  assert_contains "$(told events warning)" "a symbolic link is in the way"
  assert_contains "$(told events warning)" "it is of key"
  # What was damaged has been written anew.
  assert_equal "$(sound bad)" "$packages"
}
check "what is damaged or hostile is warned of, compiled, and written anew" hostile

after_failure() {
  mkdir etc
  echo "$leaf" >etc/graph-break
  graph_spec broken "package_use = { \"dev-graph/$leaf\" = [\"loud\"] }" \
    "[[phase]]
name = \"break\"
copy = [{ from = \"$PWD/etc/graph-break\", to = \"/etc/graph-break\" }]"
  build_events events "$scratch/broken.toml" --cache-to dir=left --until graph
  assert_equal "$status" $failed
  assert_equal "$(sound left)" "$(grep -vx "$leaf" <<<"$packages")"
}
check "a build that fails leaves what it had finished" after_failure

after_signal() {
  local pid wait ended=0
  forget
  "$GBOX" build --progress json "$scratch/one.toml" --cache-to dir=left --until graph \
    >/dev/null 2>events </dev/null &
  pid=$!
  e2e_background+=("$pid")
  for ((wait = 0; wait < 600; wait++)); do
    [[ $(jq -r 'select(.event == "step-done") | .step' events 2>/dev/null | grep -c dev-graph/) -lt 2 ]] || break
    sleep 0.1
  done
  kill -TERM "$pid"
  wait "$pid" || ended=$?
  assert_equal "$ended" 143
  # What the events call done, and perhaps one more.
  assert_matches "$(sound left | wc -l)" '^[2-4]$'
}
check "a build that is stopped leaves what it had finished" after_signal

mistaken() {
  local started
  fails $usage gbox build "$scratch/one.toml" --cache-to s3=bucket/cache
  assert_error "unknown kind of cache 's3' in 's3=bucket/cache'" "dir=DIR"
  fails $usage gbox build "$scratch/one.toml" --cache-from type=local,src=cache
  assert_error "unknown kind of cache 'type'" "dir=DIR"
  fails $usage gbox build "$scratch/one.toml" --cache-from "$shared"
  assert_error "names no kind of cache" "did you mean 'dir=$shared'"
  fails $usage gbox plan "$scratch/one.toml" --cache-from dir=
  assert_error "'dir=' names no directory"
  fails $usage gbox build "$scratch/one.toml" --cache-from "dir=$scratch/one.toml"
  assert_error "--cache-from: '$scratch/one.toml' is not a directory" "--cache-to dir=DIR"
  fails $usage gbox build "$scratch/one.toml" --cache-to "dir=$store"
  assert_error "--cache-to: '$store' is a store"
  # Before anything is built.
  started=$EPOCHSECONDS
  forget
  fails $host gbox build "$scratch/one.toml" --cache-to dir=/usr/gbox-cache
  assert_error "--cache-to: .*Permission denied" "may write to"
  [[ $((EPOCHSECONDS - started)) -lt 10 ]] || fail "an unwritable directory was told late"
}
check "a mistaken place is told at once" mistaken

check_finish
