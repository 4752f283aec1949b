#!/bin/bash
# What a phase takes out of its root, and what each line of the spec saved by that: presets, removed
# paths, unmerged packages with what they break, packages that nothing needs; told by 'gbox image du'.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store # phases are called by name here

readonly phases='
[[phase]]
name = "fill"
root = "/destination"
emerge = ["app-demo/hello", "dev-demo/greetgen"]
oneshot = true
run = """
cd /destination
mkdir -p usr/share/doc/x usr/share/locale/de usr/share/locale/fr usr/lib/python3.9/x/__pycache__ opt/big
head -c 100000 /dev/zero > usr/share/doc/x/manual
head -c 70000 /dev/zero > usr/share/locale/fr/LC
echo > usr/share/locale/de/LC
head -c 5000 /dev/zero > usr/lib/python3.9/x/__pycache__/m.pyc
head -c 30000 /dev/zero > opt/big/file
ln opt/big/file opt/big/same
head -c 9000 /dev/zero > usr/lib/libstatic.a
mkdir -p precious; echo kept > precious/file; ln -s /precious usr/share/info
"""
'
# spec_of FILE MORE
spec_of() {
  spec "$1" trim <<<"$phases$2
[output]
root = \"/destination\"
compression = \"none\"
check = { closure = false }"
}
# What line of the spec saved how many bytes: DU-JSON
saved() { jq -r '.saved[] | "\(.line) \(.bytes)"' <<<"$1"; }

# --- presets and removed paths ---
spec_of "$scratch/trim.toml" '
[[phase]]
name = "trim"
root = "/destination"
trim = ["docs", "headers", "locales", "portage", "python-cache", "static-libs", "vdb"]
keep_locales = ["de"]
remove = ["/opt/big"]
'
ok gbox build "$scratch/trim.toml" --output "oci:$scratch/image"
ok gbox image du fill --json
before=$out
ok gbox image du trim --json
after=$out
assert_equal "$(jq -r .root <<<"$after")" /destination
assert_matches "$(saved "$after")" "trim docs 10[0-9]{4}"
assert_matches "$(saved "$after")" $'\n'"trim locales 70000"$'\n'
assert_matches "$(saved "$after")" $'\n'"trim python-cache 5000"$'\n'
assert_matches "$(saved "$after")" $'\n'"remove /opt/big 30000"
# What was told before is what was saved; what is gone cannot be saved again.
assert_equal "$(jq -r '.would_save[] | select(.name == "static-libs") | .bytes' <<<"$before")" \
  "$(saved "$after" | sed -n 's/^trim static-libs //p')"
assert_equal "$(jq -r '.would_save[].name' <<<"$after")" ""
total=$(saved "$after" | awk '{ sum += $NF } END { print sum }')
assert_equal "$(($(jq .bytes <<<"$before") - total))" "$(jq .bytes <<<"$after")" "bytes that are left"
# Packages are known although their database is gone.
assert_contains "$(jq -r '.packages[].name' <<<"$after")" app-demo/hello-1
layer_names "$scratch/image" >"$scratch/names"
grep -q 'precious/file$' "$scratch/names" || fail "a preset followed a link out of its directory"

ok gbox image du trim
assert_matches "$out" "^[0-9.]+ [KM]iB in [0-9]+ files of [0-9]+ packages, below /destination"$'\n'
assert_contains "$out" "what the spec has saved"
assert_contains "$out" "trim: trim docs"
ok gbox image du "oci:$scratch/image" --json
assert_equal "$(jq -c '[.bytes, .files]' <<<"$out")" "$(jq -c '[.bytes, .files]' <<<"$after")"
ok gbox image ls "oci:$scratch/image" --json
assert_equal "$(jq -r '.images[0].digest' <<<"$out")" "$(jq -r '.manifests[0].digest' "$scratch/image/index.json")"
assert_equal "$(jq '.images[0].layers | length' <<<"$out")" \
  "$(jq '.layers | length' "$(image_manifest "$scratch/image")")"
ok gbox image ls "oci:$scratch/image"
assert_contains "$out" "gbox: phase trim"
fails 2 gbox image du
assert_error "no image given"
fails 2 gbox image du trimm
assert_error "'trimm'" "'trim'"

# --- what an unmerge breaks, and what nothing needs ---
spec_of "$scratch/unmerge.toml" '
[[phase]]
name = "unmerge"
root = "/destination"
unmerge = ["dev-demo/libgreet"]
depclean = true # although hello asks for what is gone
trim = ["vdb"]
'
sed -i 's,^make_conf = { ,&INSTALL_MASK = "/usr/share/man"\, ,' "$scratch/unmerge.toml"
sed -i 's/^oneshot = true$//; s/, "dev-demo.greetgen"\]/]/' "$scratch/unmerge.toml"
sed -i '0,/^\[\[phase\]\]/s//[[phase]]\nname = "tool"\nroot = "\/destination"\nemerge = ["dev-demo\/greetgen"]\noneshot = true\n[[phase]]/' "$scratch/unmerge.toml"
ok gbox build "$scratch/unmerge.toml" --output "oci:$scratch/unmerged"
assert_matches "$err" "phase 'unmerge': 'dev-demo/libgreet-[0-9.]*' is still needed by 'app-demo/hello-[0-9.]*' \(libgreet.so.[0-9]*\)"
ok gbox image du unmerge --json
assert_equal "$(jq -r '.saved[] | select(.line == "depclean") | .packages[]' <<<"$out")" dev-demo/greetgen-1.0
assert_matches "$(jq -r '.saved[] | select(.phase == "unmerge") | "\(.line) \(.packages[0])"' <<<"$out")" \
  "^unmerge dev-demo/libgreet dev-demo/libgreet-"

# The bill is of what is left, although the database went together with what did not stay.
ok gbox image sbom "oci:$scratch/unmerged"
bill=$(jq -r '.packages[].name' <<<"$out")
assert_contains "$bill" app-demo/hello
assert_lacks "$bill" dev-demo/greetgen
assert_lacks "$bill" dev-demo/libgreet

# What INSTALL_MASK keeps out was never there.
layer_names "$scratch/unmerged" >"$scratch/names"
grep -q 'usr/bin/hello$' "$scratch/names" || fail "there is no hello in the image"
! grep 'man1/hello' "$scratch/names" || fail "INSTALL_MASK has kept nothing out"

# --- a preset that there is not ---
spec_of "$scratch/bad.toml" '
[[phase]]
name = "trim"
trim = ["manuals", "header"]
'
fails 2 gbox build "$scratch/bad.toml" --output "oci:$scratch/bad"
assert_error "there is no preset 'header'" "did you mean 'headers'\?"
assert_error "there is no preset 'manuals'"
