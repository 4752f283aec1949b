#!/bin/bash
# `gbox plan` says what would run and why, for people and for programs, and runs nothing.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

write() {
  spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "one"
run = "echo $1"
[[phase]]
name = "two"
run = "echo two"
TOML
}
write first

ok gbox plan --json "$scratch/stage4.toml"
plan=$out
jq -e '.steps | type == "array" and length == 4' <<<"$plan" >/dev/null || fail "no four steps"
assert_equal "$(jq -r '[.steps[].name] | join(" ")' <<<"$plan")" "base config one two"
jq -e 'all(.steps[]; has("name") and has("phase") and has("package") and has("key") and
  has("cached") and has("reason") and (.key | test("^[0-9a-f]{64}$")) and
  (.cached | type == "boolean") and .package == null)' <<<"$plan" >/dev/null ||
  fail "a step lacks a field: $plan"
assert_equal "$(jq -c '[.steps[].phase]' <<<"$plan")" '[null,null,"one","two"]'
jq -e 'all(.steps[] | select(.cached | not); .reason | length > 0)' <<<"$plan" >/dev/null ||
  fail "a step runs for no reason: $plan"
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$out" "$plan" "a second plan: the first must not have run anything"

# The same as a table, and as a dry run of build.
ok gbox plan "$scratch/stage4.toml"
assert_matches "$out" 'run +one '
assert_equal "$(wc -l <<<"$out")" 4
plan_text=$out
ok gbox build --dry-run "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$out" "$plan_text"
assert_missing "$scratch/image"

ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image"
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$(jq '[.steps[] | select(.cached)] | length' <<<"$out")" 4
assert_equal "$(jq -c '[.steps[].key]' <<<"$out")" "$(jq -c '[.steps[].key]' <<<"$plan")"

# What changed is named: the script of one, and for the other its parent.
write second
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$(jq -c '[.steps[].cached]' <<<"$out")" '[true,true,false,false]'
assert_contains "$(jq -r '.steps[2].reason' <<<"$out")" "run"
assert_contains "$(jq -r '.steps[3].reason' <<<"$out")" "'one'"

# Values for [args] change keys; keys do not depend on where the spec lies.
ok gbox plan --json --set round=7 "$scratch/stage4.toml"
args=$out
mkdir "$scratch/elsewhere"
cp "$scratch/stage4.toml" "$scratch/elsewhere/"
ok gbox plan --json --set round=7 "$scratch/elsewhere/stage4.toml"
assert_equal "$out" "$args"
