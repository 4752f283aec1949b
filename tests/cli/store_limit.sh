#!/bin/bash
# A limit of the store holds while builds run: after each step, what was used least recently goes,
# whatever any running build uses stays, and when that alone is too much a build is warned, not lost.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly usage=2 step_mib=24
e2e_limit=120
own_store store
cd "$scratch"

# phases NAME TAG…: a spec that leaves as many MiB with each phase; nothing is shared but the base.
phases() {
  local name=$1 tag
  shift
  for tag; do
    printf '%s\n' "[[phase]]" "name = \"$tag\"" \
      "run = \"head -c ${step_mib}M /dev/urandom >/opt/$tag; sleep 0.5\""
  done | cat - <(printf '%s\n' '[output.config]' 'cmd = []') | spec "$name.toml" "$name"
}
total() { gbox cache du --json </dev/null | jq .total_bytes; }
on_disk() { "$e2e_lib/in-ids" du --summarize --block-size=1 -- "$store" | cut -f 1; }
mib() { echo $(($1 << 20)); }
# The steps of a spec that are in the store.
kept() { gbox cache ls --json </dev/null | jq -r --arg spec "$1" '.records[] | select(.spec == $spec) | .step' | LC_ALL=C sort | paste -sd' '; }
# limited LIMIT SPEC: builds with the events in file 'events', and what the store took each time that
# a step had ended in file 'totals'.
limited() {
  local line
  : >totals
  "$GBOX" build --progress json --store-limit "$1" "$2" --output "oci:$PWD/image" \
    2>&1 >/dev/null </dev/null | while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line != *'"step-done"'* ]] || total >>totals
  done >events
  status=${PIPESTATUS[0]}
}
warnings() { jq -r 'select(.event == "warning") | .message' events; }

phases first a b
ok gbox build first.toml --output oci:image
# Each phase is there twice, its packed layer included. Beside the base three phases fit, not four.
limit=$(($(total) + $(mib $((step_mib * 2)))))

holds() {
  local name
  phases second c d
  phases third e f
  for name in second third; do
    limited "$limit" "$name.toml"
    assert_equal "$status" 0
    assert_equal "$(warnings)" ""
    [[ -s totals ]] || fail "no step has ended"
    awk -v limit="$limit" '$1 > limit { exit 1 }' totals || fail "more than $limit: $(paste -sd' ' totals)"
    [[ $(total) -le $limit ]] || fail "$(total) at the end, more than $limit"
    [[ $(on_disk) -le $((limit + limit / 20)) ]] || fail "$(on_disk) on disk, more than $limit"
  done
  assert_contains "$(kept third)" "e f"
  assert_lacks "$(kept first)" "a b"
  # What this build needs is what stays: nothing of it runs again.
  limited "$limit" third.toml
  assert_equal "$(events events step-start)" ""
  ok gbox cache verify
}
check "it holds after each step, and the oldest goes" holds

too_much() {
  phases needy g h
  limited 1MiB needy.toml
  assert_equal "$status" 0
  assert_equal "$(warnings | grep -c 'more than the limit of 1.0 MiB, and all of that is in use')" 1
  assert_contains "$(kept needy)" "g h"
  assert_equal "$(kept third)" ""
  ok gbox run "oci:$PWD/image" -- test -s /opt/h
}
check "a build that needs more is warned once, and goes on" too_much

beside() {
  local pid
  phases slow i j k
  sed -i 's,sleep 0.5,sleep 4,' slow.toml
  phases quick l m
  "$GBOX" build --progress json slow.toml --output "oci:$PWD/slow" >/dev/null 2>slow-events </dev/null &
  pid=$!
  e2e_background+=("$pid")
  for ((wait = 0; wait < 300; wait++)); do
    [[ $(events slow-events step-done 2>/dev/null | grep -cx i) -eq 0 ]] || break
    sleep 0.1
  done
  limited 1MiB quick.toml
  assert_equal "$status" 0
  wait "$pid" || fail "the other build: $(tail -n 3 slow-events)"
  assert_equal "$(events slow-events step-done | grep -x '[ijk]' | paste -sd' ')" "i j k"
  assert_contains "$(kept slow)" "i j k"
  assert_lacks "$(kept needy)" "g"
}
check "what another build uses stays" beside

by_environment() {
  phases again n
  fails $usage env GBOX_STORE_LIMIT=lots "$GBOX" build again.toml --output oci:image
  assert_error "'GBOX_STORE_LIMIT': 'lots' is not a size"
  ok env GBOX_STORE_LIMIT=1M "$GBOX" build again.toml --output oci:image
  assert_contains "$err" "limit of 1.0 MiB"
  assert_equal "$(kept slow)" ""
}
check "the environment can set it" by_environment

check_finish
