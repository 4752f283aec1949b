#!/bin/bash
# The store as a thing: what it takes, what is damaged in it, and its packages in a directory that
# plain Portage merges from and that another store takes in.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly other=1 usage=2 input=4
e2e_limit=120
own_store store

# --- a package as Portage's own emerge makes it
spec "$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "make"
run = """
export FEATURES="$FEATURES buildpkg binpkg-multi-instance" PKGDIR=/made BINPKG_FORMAT=gpkg
emerge --quiet --oneshot --buildpkgonly --nodeps app-admin/eselect-demo
"""
TOML
ok gbox build "$scratch/stage4.toml" --until make
ok gbox run make -- tar -C /made -cf - .
mkdir "$scratch/made"
tar -C "$scratch/made" -xf "$scratch/.out"
place=$(cd "$scratch/made" && find app-admin -name '*.gpkg.tar')
assert_matches "$place" '^app-admin/eselect-demo/eselect-demo-[0-9.]+-1\.gpkg\.tar$'
file=$scratch/made/$place
cpv=app-admin/$(basename "$place" -1.gpkg.tar)
stanza=$(awk -v RS= -v path="PATH: $place" 'index($0, path)' "$scratch/made/Packages")
assert_contains "$stanza" "CPV: $cpv"

# share DIR USE FILE: as an export writes it, told from its documentation.
share() {
  local parts key
  parts=$(jq -cSn --arg cpv "$cpv" --arg use "$2" \
    '[["kind","package"],["package",{cpv:$cpv,repository:"standin"}],["use",$use],
      ["variables",{ARCH:"amd64",CHOST:"x86_64-pc-linux-gnu"}]]')
  key=$(printf %s "$parts" | sha256sum | cut -d ' ' -f 1)
  mkdir -p "$1/gbox-packages" "$1/$(dirname "$place")"
  cp "$3" "$1/$place"
  jq -cSn --argjson parts "$parts" --arg key "$key" --arg cpv "$cpv" --arg place "$place" \
    --arg stanza "$stanza" --arg sha256 "$(sha256sum <"$3" | cut -d ' ' -f 1)" \
    --argjson size "$(stat -c %s "$3")" \
    '{format:"gbox-package",version:1,$key,$parts,$cpv,spec:"demo",
      step:"make/app-admin/eselect-demo",phase:"make",path:$place,$place,stanza:($stanza+"\n"),
      $sha256,size_bytes:$size,seconds:1.5}' >"$1/gbox-packages/$key.json"
  printf '%s\n' "$key"
}

key=$(share "$scratch/first" one "$file")
share "$scratch/second" two "$file" >"$scratch/second.key"

shared() {
  ok gbox cache import "$scratch/first"
  assert_matches "$out" '^took 1 package \([0-9.]+ [KM]iB\), 0 were there$'
  ok gbox cache import "$scratch/second"
  ok gbox cache import "$scratch/second"
  assert_equal "$out" "took 0 packages (0 B), 1 were there"
  ok gbox cache export "$scratch/shared"
  assert_contains "$out" "wrote 2 packages"
  ok gbox cache export "$scratch/shared" make app-admin/eselect-demo
  assert_equal "$out" "wrote 0 packages (0 B), 2 were there"
  cmp "$file" "$scratch/shared/$place"
  cmp "$file" "$scratch/shared/${place%-1.gpkg.tar}-2.gpkg.tar"
  assert_equal "$(grep -c '^PATH: ' "$scratch/shared/Packages")" 2
  assert_equal "$(grep -E '^(ARCH|PACKAGES|VERSION):' "$scratch/shared/Packages" | tr '\n' ' ')" \
    "ARCH: amd64 PACKAGES: 2 VERSION: 0 "
  local owners
  owners=$(find "$scratch/shared" -not -user "$(id -un)")
  assert_equal "$owners" "" "files of others"
  ok env GBOX_STORE="$scratch/fresh" "$GBOX" cache import "$scratch/shared"
  assert_contains "$out" "took 2 packages"
  ok env GBOX_STORE="$scratch/fresh" "$GBOX" cache verify
}
check "packages go from store to store by a directory" shared

# --- what plain Portage makes of it: both builds are seen, one is merged, nothing is compiled
portage() {
  {
    standin_head plain
    cat <<TOML
[[phase]]
name = "merge"
copy = [{ from = "$scratch/shared", to = "/shared" }]
run = """
export FEATURES="\$FEATURES binpkg-multi-instance" PKGDIR=/shared
python3 -c "
import portage
tree = portage.db['/']['bintree']
tree.populate()
print('SEEN', *sorted(str(cpv) + ' ' + str(cpv.build_id) for cpv in tree.dbapi.cpv_all()))
"
emerge --usepkgonly --oneshot --nodeps app-admin/eselect-demo
"""
TOML
  } >stage4.toml
  ok gbox build stage4.toml --until merge
  ok gbox log merge
  assert_contains "$out" "SEEN $cpv 1 $cpv 2"
  assert_matches "$out" "Emerging binary .*$cpv"
  assert_lacks "$out" "Compiling source"
  assert_lacks "$out" "nvalid"
  ok gbox run merge -- test -x /usr/bin/eselect
}
check "plain Portage merges from the exported directory" portage

hostile() {
  local dir=bad name
  copy_of() {
    rm -rf "$dir"
    cp -r "$scratch/first" "$dir"
  }
  refused() { # TEXT
    fails $input env GBOX_STORE="$scratch/empty" "$GBOX" cache import "$dir"
    assert_contains "$err" "$1"
    assert_error "1 package was not imported" "warnings"
    ok env GBOX_STORE="$scratch/empty" "$GBOX" cache ls --json
    assert_equal "$(jq '.packages | length' <<<"$out")" 0
  }
  name=gbox-packages/$key.json
  copy_of
  printf x | dd of="$dir/$place" bs=1 seek=100 conv=notrunc status=none
  refused "its SHA-256 is"
  copy_of
  ln -sf "$file" "$dir/$place"
  refused "a symbolic link is in the way"
  copy_of
  jq -c '.parts[2][1] = "other"' "$scratch/first/$name" >"$dir/$name"
  refused "its key is not that of its parts"
  copy_of
  jq -c '.place = "app-admin/../../" + .place' "$scratch/first/$name" >"$dir/$name"
  refused "'..'"
  copy_of
  head -c 6M /dev/zero >>"$dir/$name"
  refused "more than 4.0 MiB"
  fails $input gbox cache import absent
  assert_error "absent"
  fails $usage gbox cache export shared maek
  assert_error "no package of a step 'maek'" "make"
}
check "what an export did not write is refused" hostile

space() {
  ok gbox cache du
  assert_matches "$out" $'\npackages +2 +[0-9.]+ [KM]iB\n'
  assert_matches "$out" $'\ntotal  +[0-9.]+ [KMG]iB\n'
  assert_contains "$out" "  package $cpv of demo"
  assert_contains "$out" "  step base"
  ok gbox cache du --json
  assert_equal "$(jq .kinds.packages.count <<<"$out")" 2
  assert_equal "$(jq '([.kinds[].bytes] | add) == .total_bytes' <<<"$out")" true
  assert_equal "$(jq '.biggest | map(.bytes) == (map(.bytes) | sort | reverse)' <<<"$out")" true
}
check "the space it takes, by kind, and what is biggest" space

damage() {
  ok gbox cache verify --json
  assert_equal "$(jq -c '[.packages, (.damaged | length)]' <<<"$out")" "[2,0]"
  local kept=$store/packages/$key/${place##*/}
  printf x | dd of="$kept" bs=1 seek=100 conv=notrunc status=none
  fails $other gbox cache verify
  assert_contains "$out" "dropped package $cpv: its SHA-256 is"
  assert_contains "$out" "1 damaged"
  ok gbox cache verify
  assert_contains "$out" "1 package, "
  assert_contains "$out" "; 0 damaged"
  ok gbox cache import "$scratch/first"
  assert_contains "$out" "took 1 package"
}
check "a damaged package is named, dropped, and can come again" damage

check_finish
