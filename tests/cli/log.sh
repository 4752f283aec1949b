#!/bin/bash
# The whole output of a step is kept and can be read again, as bytes or as the path of a file.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
for name in one two; do
  # Of two steps of one name the newest is meant.
  spec "$scratch/$name.toml" "$name" <<TOML
[[phase]]
name = "talk"
run = """
echo 'out of $name'; echo 'error of $name' >&2
for i in \$(seq 2000); do echo line \$i; done
printf 'bytes \\\\377 \\\\033[31mred\\\\033[0m'
"""
TOML
  ok gbox build "$scratch/$name.toml" --until talk
done

ok gbox log talk
assert_contains "$out" "out of two"
assert_contains "$out" "error of two"
assert_contains "$out" $'line 1\n'
assert_contains "$out" "line 2000"
assert_contains "$out" bytes
ok gbox log --path talk
assert_equal "$(wc -l <<<"$out")" 1
assert_present "$out"
assert_contains "$(tr -d '\0' <"$out")" "out of two"

# Output that goes away ends the command quietly; an unknown step is an error with a hint.
"$GBOX" log talk 2>"$scratch/pipe" | head -n 1 >/dev/null || true
assert_equal "$(cat "$scratch/pipe")" ""
fails 2 gbox log tlak
assert_error "tlak" "talk"

# Verbose and plain: lines are shown behind the step's name, and colours never reach the terminal.
ok gbox build --verbose --progress plain --from talk --until talk "$scratch/one.toml"
assert_contains "$err" "line 2000"
assert_lacks "$err" $'\033'
