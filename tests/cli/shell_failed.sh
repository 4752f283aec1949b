#!/bin/bash
# A failed step says what failed and how to look at it; `gbox shell` opens what it left behind; once
# the cause is gone the build goes on from there.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store # what is kept of failed steps is looked at below
write() {
  spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "good"
run = "echo kept > /kept"
[[phase]]
name = "bad"
run = "echo half > /half; echo working; for i in 1 2 3; do echo line \$i; done; echo 'the cause' >&2; $1"
[output]
root = "/"
TOML
}
write "exit 3"

fails 6 gbox build "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_error "phase 'bad'.*exit 3" "gbox shell"
assert_contains "$err" "gbox log"
assert_contains "$err" "the cause"
assert_equal "$out" "" "results of a failed build"
assert_missing "$scratch/image"

# As events.
build_events "$scratch/events" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 6
assert_equal "$(events "$scratch/events" step-failed)" bad
assert_equal "$(events "$scratch/events" step-start)" bad "a failure is no cache hit, what is below it is"
assert_contains "$(jq -r 'select(.event == "step-failed") | .tail[]' "$scratch/events")" "the cause"
assert_equal "$(jq -r 'select(.event == "error") | .code' "$scratch/events")" 6

# A shell in what the step left: its files over those of the steps before it.
run_with_input $'cat /kept /half\nexit 5' gbox shell "$scratch/stage4.toml" bad
assert_equal "$status" 5 "the shell's exit status"
assert_contains "$out" $'kept\nhalf'

# On a terminal as well.
if type -P script >/dev/null; then
  run_with_input $'cat /half; tty\nexit 4' timeout 60 \
    script --quiet --return --echo never \
    --command "'$GBOX' shell '$scratch/stage4.toml' bad" /dev/null
  assert_equal "$status" 4 "the exit status of a shell on a terminal"
  assert_contains "$out" half
  assert_contains "$out" /dev/pts/
fi

# Into a finished step as well, on a copy: the snapshot stays as it is.
run_with_input $'cat /kept; echo no > /kept; test -e /half || echo none' \
  gbox shell "$scratch/stage4.toml" good
assert_equal "$status" 0
assert_contains "$out" $'kept\nnone'
ok gbox run "$(key_of shell-failed good)" -- cat /kept
assert_equal "$out" kept

fails 2 gbox shell "$scratch/stage4.toml" goood
assert_error "goood"

# A package that does not compile: the error names it, the shell opens its build directory.
spec "$scratch/fussy.toml" fussy <<'TOML'
[[phase]]
name = "fussy"
emerge = ["app-demo/fussy"]
TOML
sed -i 's,^make_conf.*,&\npackage_use = { "app-demo/fussy" = ["fail"] },' "$scratch/fussy.toml"
fails 6 gbox build "$scratch/fussy.toml" --output "oci:$scratch/image"
assert_error "phase 'fussy', app-demo/fussy-1.0: compile failed" "gbox shell"
run_with_input $'pwd; ls' gbox shell "$scratch/fussy.toml" fussy
assert_equal "$status" 0
assert_contains "$out" /var/tmp/portage/app-demo/fussy-1.0/work
run_with_input 'type -t src_compile' gbox shell "$scratch/fussy.toml" fussy/app-demo/fussy
assert_equal "$out" function "the ebuild's environment"
sed -i '/^package_use/d' "$scratch/fussy.toml"
ok gbox build "$scratch/fussy.toml" --output "oci:$scratch/fussy"

# The cause gone: on from there.
write "true"
build_events "$scratch/events" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/events" step-start)" bad
assert_equal "$(events "$scratch/events" step-cached | paste -sd' ')" "base config good"
