#!/bin/bash
# The program tells how it is used, in lines that fit a terminal, and refuses what it does not know
# with the nearest thing it does.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store never-made

ok gbox --version
assert_matches "$out" '^gbox [0-9]+\.[0-9]+\.[0-9]+$'
assert_equal "$err" ""

commands=(build plan run push pull shell log "image ls" "image du" "image diff" "image sbom" image verify "cache ls" "cache gc" cache "keys ls" "keys update" keys
  "policy ls" "policy show" "policy explain" "policy check" policy doctor)
ok gbox --help
for command in "${commands[@]}"; do assert_contains "$out" "${command%% *}"; done
for command in "" "${commands[@]}"; do
  read -r -a words <<<"$command"
  ok gbox "${words[@]}" --help
  [[ -n $out && -z $err ]] || fail "help of 'gbox $command' is not on standard output alone"
  longest=$(awk '{ if (length > most) most = length } END { print most }' <<<"$out")
  [[ $longest -le 100 ]] || fail "a line of the help of 'gbox $command' has $longest columns"
  ! grep -n ' $' <<<"$out" || fail "blanks at the end of a line"
done
ok gbox build --help
for option in --output --set --from --until --dry-run --progress --store; do
  assert_contains "$out" "$option"
done
build_help=$out
ok gbox help build
assert_equal "$out" "$build_help"

fails 2 gbox
fails 2 gbox biuld
assert_error "'biuld'" "'build'"
fails 2 gbox build --ouput oci:x
assert_error "'--ouput'" "'--output'"
"$e2e_lib/hostile-tar" plain >"$scratch/base.tar"
printf 'name = "x"\n[base]\ntarball = "base.tar"\n[[phase]]\nname = "p"\nremove = ["/file"]\n' \
  >"$scratch/x.toml"
fails 2 gbox build --output nonsense:x "$scratch/x.toml"
assert_error "nonsense" "oci:DIR"
fails 2 gbox build --until q "$scratch/x.toml"
assert_error "'q'"
fails 2 gbox build one two
assert_error "'two'"
fails 2 gbox build --set novalue
assert_error "novalue"
fails 2 gbox build --progress fancy
assert_error "fancy"
fails 2 gbox build "$scratch/none.toml"
assert_error "none.toml"
fails 2 gbox cache lss
assert_error "'lss'" "'ls'"

# Nothing of all that makes a store.
assert_missing "$store"

# Results that cannot be written are no success.
status=0
"$GBOX" --help >/dev/full 2>"$scratch/.err" || status=$?
[[ $status -ne 0 ]] || fail "a full disk on standard output went unnoticed"
