#!/bin/bash
# A step that takes more than it may is ended whole, by the name of the limit and the spec's line;
# want of room is named as such, and the store survives both.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store

build_phase() { # KEYS SCRIPT [OPTION…]
  spec "$scratch/stage4.toml" <<TOML
${top:-}
[[phase]]
name = "p"
$1
run = '''
$2
'''
TOML
  run gbox build "$scratch/stage4.toml" --until p --progress plain "${@:3}"
}
mark=gbox-limits-$$
none_left() {
  for _ in $(seq 50); do pgrep -f "$mark" >/dev/null || return 0; sleep 0.1; done
  fail "a process outlived its step"
}

# The clock; what ignores signals and left the session goes, too.
SECONDS=0
build_phase 'limits = { time = "2s" }' "trap '' TERM INT
setsid sh -c 'trap \"\" TERM; sleep 1000 # $mark' & sleep 1000"
assert_equal "$status" 6
assert_error "phase 'p': run script was ended at its limit 'time = 2s' .*stage4.toml:[0-9]+:[0-9]+" "limit time="
((SECONDS < 30)) || fail "it took $SECONDS s"
none_left
# The command line's word counts before the spec's, and neither is in a key.
build_phase 'limits = { time = "1s" }' 'sleep 2; echo done > /done' --limit time=1h
assert_equal "$status" 0
build_phase 'limits = { time = "3s" }' 'sleep 2; echo done > /done'
assert_equal "$status" 0
assert_contains "$err" cached

# Memory of all processes together.
build_phase 'limits = { memory = "200M" }' \
  "for i in 1 2 3; do python3 -c 'x = bytearray(120 << 20); import time; time.sleep(60)' $mark & done; wait"
assert_equal "$status" 6
assert_error "at its limit 'memory = 200M' .*it had reached [0-9.]+ MiB" "limit memory="
none_left
build_phase '' 'python3 -c "x = bytearray(100 << 20); import time; time.sleep(2.5)"'
assert_equal "$status" 0
peak=$(jq -r '.extra.peak_memory_bytes // empty' "$store"/records/* 2>/dev/null | sort -n | tail -n 1)
[[ -n $peak && $peak -gt 100000000 ]] || fail "the step's peak of memory is not recorded: '$peak'"

# A fork bomb, of processes that leave the session.
build_phase 'limits = { processes = 100 }' "python3 -c '
import os, time
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
    except OSError:
        time.sleep(0.01)
' $mark"
assert_equal "$status" 6
assert_error "was ended at its limit 'processes = 100'" "limit processes="
none_left
# One whose shell gives up at once.
build_phase 'limits = { processes = 50 }' 'for i in $(seq 100); do sleep 20 & done'
assert_equal "$status" 6
assert_error "at its limit 'processes = 50'" "limit processes="

# One file; many.
build_phase 'limits = { file_size = "4M" }' 'dd if=/dev/zero of=/big bs=1M count=16'
assert_equal "$status" 6
assert_error "a file reached its limit 'file_size = 4M'" "limit file_size="
top=$'[limits]\ndisk = "20M"'
build_phase '' 'for i in $(seq 60); do dd if=/dev/zero of=/big$i bs=1M count=1 2>/dev/null; sleep 0.1; done; sleep 60'
assert_equal "$status" 6
assert_error "at its limit 'disk = 20M' .*it had reached [0-9.]+ MiB" "limit disk="
top=
# The store is whole, and goes on from what it had.
ok gbox cache verify
build_phase '' 'echo fine'
assert_equal "$status" 0

# What is no limit is refused where it stands.
build_phase 'limits = { time = "5", memory = "lots", proceses = 3 }' true
assert_equal "$status" 2
assert_contains "$err" "'time': '5' is no such limit"
assert_contains "$err" "'memory': 'lots' is no such limit"
assert_contains "$err" "did you mean 'processes'"
build_phase '' true --limit tiem=3s
assert_equal "$status" 2
assert_error "option '--limit': no limit is called 'tiem'" "did you mean 'time'"

# A build directory in memory that is full is no full disk.
spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "p"
run = "dd if=/dev/zero of=/var/tmp/portage/big bs=1M count=16"
TOML
sed -i 's/^\[build\]$/&\ntmpfs = "8M"/' "$scratch/stage4.toml"
fails 6 gbox build "$scratch/stage4.toml" --until p
assert_error "no space was left; .* a tmpfs of 8.0 MiB" "raise 'tmpfs'"
