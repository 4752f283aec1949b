#!/bin/bash
# `gbox doctor` tells what this host can do, by deed; what it lacks comes with a remedy.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

ok gbox doctor
assert_contains "$out" full
ok gbox doctor --json
jq -e '.level == "full"' <<<"$out" >/dev/null || fail "the level is not 'full'"
jq -e '.checks | length > 5 and all(.[]; (.name | length > 0) and (.outcome | length > 0))' \
  <<<"$out" >/dev/null || fail "checks lack their fields"

# Nothing is left behind, not even a store that was not there.
own_store never-made
ok gbox doctor
assert_missing "$store/gbox-store.json"
assert_missing "$store/records"

# Where newuidmap has no power: still a whole report, the remedy with it, and a lower level.
fails 3 setpriv --no-new-privs "$GBOX" doctor --require-level full
assert_contains "$out" no_new_privs
assert_contains "$out" remedy
ok setpriv --no-new-privs "$GBOX" doctor --json
assert_equal "$(jq -r .level <<<"$out")" single-id
assert_equal "$(jq -r '.checks[] | select(.name == "overlay") | .outcome' <<<"$out")" ok
lack=$(jq -c '[.checks[] | select(.outcome == "lack")] | first' <<<"$out")
[[ -n $(jq -r '.remedy // empty' <<<"$lack") ]] || fail "a lack without a remedy: $lack"

# A file system that cannot hold a store is found before a build.
fails 3 gbox doctor --store /proc/gbox

# Profiles to install, for this very program.
ok gbox doctor --apparmor
assert_contains "$out" "profile gbox \"$(realpath "$GBOX")\" flags=(unconfined) {"
assert_contains "$out" "apparmor_parser --replace"
ok gbox doctor --seccomp
jq -e '.defaultAction == "SCMP_ACT_ALLOW" and (.syscalls | length) == 2' <<<"$out" >/dev/null ||
  fail "no seccomp profile"
fails 2 gbox doctor --seccomp --json
