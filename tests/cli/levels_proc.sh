#!/bin/bash
# Where an outer container masks /proc, as docker and kubernetes do, no step can have one of its own:
# gbox says so once and builds all the same, the whole of a stage3 with emerge. What a step sees of
# processes outside it can neither read nor change.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

public_program

container() { "$e2e_lib/masked-proc" "$@"; }

spec "$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "hello"
emerge = ["dev-demo/libgreet"]
[[phase]]
name = "look"
run = """
echo "NS $(readlink /proc/self/ns/pid) of $(readlink /proc/self/root) as $$"
[ -r /proc/self/status ]
echo there >/dev/stdout
! mount -t proc proc /mnt 2>/dev/null
! echo 1000 2>/dev/null >/proc/self/oom_score_adj
umount /proc && exit 1
mount -o remount,rw,bind /proc && exit 1
for pid in /proc/[0-9]*; do
  grep -aq '^canary-in-sight' $pid/cmdline || continue
  echo "CANARY $pid"
  for file in environ mem maps auxv fd/0 root/etc/passwd; do
    ! head -c 1 "$pid/$file" >/dev/null 2>&1 || echo "READ $file"
  done
  for file in oom_score_adj comm coredump_filter timerslack_ns; do
    ! echo 900 2>/dev/null >"$pid/$file" || echo "WROTE $file"
  done
  kill -KILL "$${pid#/proc/}" 2>/dev/null && echo KILLED
  ls -l "$pid/cwd/" >/dev/null 2>&1 && echo ENTERED
done
true
"""
[output]
compression = "none"
TOML

own_store store
export GBOX_STORE
cat >"$public/job" <<'SH'
# Of the very id that is root in a step.
SECRET=canary setpriv --reuid 1 --regid 1 --clear-groups bash -c 'exec -a canary-in-sight sleep 600' &
canary=$!
before=$(cat /proc/$canary/oom_score_adj)
"$@" || exit
kill -0 $canary && [[ $(cat /proc/$canary/oom_score_adj) == "$before" ]] || { echo "the canary was harmed" >&2; exit 98; }
kill $canary
SH
ok container bash "$public/job" "$public/gbox" build --progress plain "$scratch/stage4.toml" --output "oci:$scratch/image"
# One line, once: the level, why, what is lost, and where to get more.
assert_equal "$(grep -c '^level ' <<<"$err")" 1 "lines about the level"
line=$(grep '^level ' <<<"$err")
assert_contains "$line" "proc-bound: enter sandbox: mount '/proc': '/proc/interrupts' and 1 more are masked"
assert_contains "$line" "; lost: "
assert_contains "$line" "pid-sandbox"
assert_contains "$line" "systempaths=unconfined"
ok container "$public/gbox" log look
grep -q '^CANARY /proc/' <<<"$out" || fail "the canary was not in sight"
! grep -E '^(READ|WROTE|KILLED|ENTERED)' <<<"$out" || fail "a step had something of a process outside"
ok container "$public/gbox" log hello
assert_lacks "$out" "nable to mount new /proc"
assert_lacks "$out" "nable to unshare"
ok container "$public/gbox" run "oci:$scratch/image" cat /proc/self/comm
# What Portage was told is no part of any snapshot.
run "$e2e_lib/in-ids" sh -c 'grep -rl pid-sandbox "$1"/snapshots/*/fs/etc/portage' sh "$store"
assert_equal "$out" ""

# Events say it as fields; doctor knows it beforehand; and who wants more is refused.
run container "$public/gbox" build --progress json "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$(jq -rs '[.[] | select(.event == "level")] | length' <<<"$err")" 1
assert_equal "$(jq -r 'select(.event == "level") | "\(.level) \(.ids) \(.proc) \(.storage)"' <<<"$err")" \
  "proc-bound subordinate bound kernel"
ok container "$public/gbox" doctor --json
assert_equal "$(jq -r .level <<<"$out")" proc-bound
fails 3 container "$public/gbox" doctor --require-level full
fails 3 container "$public/gbox" build --require-level full "$scratch/stage4.toml"
assert_error "mount '/proc'" "systempaths=unconfined"
fails 3 container env GBOX_REQUIRE_LEVEL=full "$public/gbox" run look true
assert_error "mount '/proc'"

# Outside of all that nothing is said.
own_store outside
"$e2e_lib/hostile-tar" plain >"$scratch/base.tar"
printf 'name = "x"\n[base]\ntarball = "base.tar"\n[[phase]]\nname = "p"\nremove = ["/file"]\n' >"$scratch/x.toml"
ok gbox build --progress plain --require-level full "$scratch/x.toml" --output "oci:$scratch/x"
! grep -q '^level ' <<<"$err" || fail "a level is told where all is well"
