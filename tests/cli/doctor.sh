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

# A network for phases that fetch is tried by connecting one. Without it all else can be built.
network() { jq -c '.checks[] | select(.name == "network-helper")' <<<"$out"; }
ok gbox doctor --json
if (: <>/dev/net/tun) 2>/dev/null; then
  for helper in pasta slirp4netns; do
    ok env GBOX_NETWORK_HELPER=$helper "$GBOX" doctor --json
    assert_equal "$(jq -r '.outcome + ": " + .reason' <<<"$(network)")" "ok: '$helper' connected a network namespace"
    [[ -z $(pgrep -u "$(id -u)" -f "$helper.*proc/self/fd/0") ]] || fail "$helper outlives doctor"
  done
  mkdir "$scratch/bin"
  printf '#!/bin/sh\necho "no route to anywhere" >&2\nexit 1\n' >"$scratch/bin/pasta"
  chmod +x "$scratch/bin/pasta"
  ok env PATH="$scratch/bin:$PATH" GBOX_NETWORK_HELPER=pasta "$GBOX" doctor --require-level full
  assert_matches "$out" "lack +network-helper +connect the step's network: 'pasta': no route to anywhere"
  assert_matches "$out" "remedy +this machine's own network: 'network = \"host\"' in the phase"
else
  assert_equal "$(jq -r .outcome <<<"$(network)")" lack
  assert_contains "$(jq -r .reason <<<"$(network)")" "open '/dev/net/tun'"
fi
ok env GBOX_NETWORK_HELPER=nothing "$GBOX" doctor --json
assert_equal "$(jq -r '.level' <<<"$out")" full
assert_equal "$(jq -r '.outcome + ": " + .reason' <<<"$(network)")" "lack: neither 'pasta' nor 'slirp4netns' is in PATH"
assert_contains "$(jq -r .remedy <<<"$(network)")" passt
[[ -n $(jq -r .lost <<<"$(network)") ]] || fail "nobody is told what is lost"

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
