#!/bin/bash
# Bad input is one clear error with a hint and the documented exit code, and leaves nothing half
# written: in specs, tarballs and repositories.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

# Every case has a store of its own, in its own directory.
export GBOX_STORE=store
readonly usage=2 input=4

# Nothing half written: no image, no finished step, no work directory of a dead build.
nothing_written() {
  assert_missing "$PWD/image"
  assert_equal "$(find store/work store/records -mindepth 1 2>/dev/null)" "" "left in the store"
}

# refused CODE ERROR HINT: builds stage4.toml of the current directory.
refused() {
  fails "$1" gbox build stage4.toml --output "oci:$PWD/image"
  assert_error "$2" "$3"
  assert_equal "$out" ""
  nothing_written
}

# --- specs: every fault with its place, all of them in one run ---
bad_spec() {
  local error=$1 hint=$2
  cat >stage4.toml
  refused $usage "$error" "$hint"
}
plain_tail='[[phase]]
name = "p"
remove = ["/file"]'

check "an unknown key is named with its place, and the nearest one that exists" \
  bad_spec "stage4.toml:3:1: .*'tarbal'" "'tarball'" <<TOML
name = "x"
[base]
tarbal = "x.tar"
$plain_tail
TOML
check "an unknown table" bad_spec "stage4.toml:2:.*'bsae'" "'base'" <<TOML
name = "x"
[bsae]
tarball = "x.tar"
$plain_tail
TOML
check "a wrong type" bad_spec "stage4.toml:3:.*'tarball'" "" <<TOML
name = "x"
[base]
tarball = 7
$plain_tail
TOML
check "two phases of one name" bad_spec "stage4.toml:[78]:.*'p'" "" <<TOML
name = "x"
[base]
tarball = "x.tar"
$plain_tail
$plain_tail
TOML
check "a phase that does nothing" bad_spec "stage4.toml:4:.*does nothing" "emerge" <<TOML
name = "x"
[base]
tarball = "x.tar"
[[phase]]
name = "p"
TOML
check "broken TOML" bad_spec "stage4.toml:1:" "" <<TOML
name = "x
TOML
check "a package that is none" bad_spec "stage4.toml:6:.*not a package" "" <<TOML
name = "x"
[base]
tarball = "x.tar"
[[phase]]
name = "p"
emerge = ["not a package"]
TOML
all_at_once() {
  cat >stage4.toml <<'TOML'
nmae = "x"
[base]
tarball = 7
[output]
layers = "phases"
TOML
  fails $usage gbox build stage4.toml
  [[ $(grep -c '^gbox: error: ' <<<"$err") -ge 3 ]] || fail "not all faults are told at once"
}
check "all faults of a spec are told in one run" all_at_once
no_argument() {
  printf 'name = "x"\n[args]\nbase = "x.tar"\n[base]\ntarball = "${bsae}"\n%s\n' "$plain_tail" >stage4.toml
  refused $usage "bsae" ""
  sed -i 's/bsae/base/' stage4.toml
  fails $usage gbox build --set bse=y.tar stage4.toml
  assert_error "'bse'" ""
}
check "an argument that the spec does not have" no_argument

# --- the base ---
base_spec() {
  printf 'name = "x"\n[base]\ntarball = "%s"\n%s\n%s\n' "$1" "${2:-}" "$plain_tail" >stage4.toml
}
missing_base() {
  base_spec none.tar.xz
  refused $input "stage4.toml:[23]:.*none.tar.xz.*No such file" "directory of the spec"
}
check "a tarball that is not there" missing_base
directory_base() {
  mkdir base.tar
  base_spec base.tar
  refused $input "base.tar" ""
}
check "a directory instead of a tarball" directory_base
wrong_digest() {
  "$e2e_lib/hostile-tar" plain >base.tar
  base_spec base.tar "sha512 = \"$(printf '0%.0s' {1..128})\""
  refused $input "base.tar.*sha512" "fetch it again"
}
check "a tarball of another digest" wrong_digest
not_a_tar() {
  head -c 100000 /dev/urandom >base.tar
  base_spec base.tar
  refused $input "base.tar" ""
}
check "something that is no archive" not_a_tar
empty_file() {
  : >base.tar
  base_spec base.tar
  refused $input "base.tar" ""
}
check "an empty file" empty_file
truncated() {
  local format=$1
  "$e2e_lib/hostile-tar" plain >whole.tar
  head -c 3000000 /dev/urandom >random
  tar --append --file whole.tar random
  case $format in
    tar) cp whole.tar packed ;;
    xz) xz -0 <whole.tar >packed ;;
    gz) gzip -1 <whole.tar >packed ;;
    zst) zstd -q <whole.tar >packed ;;
    bz2) bzip2 <whole.tar >packed ;;
  esac
  head -c $(($(stat -c %s packed) * 2 / 3)) packed >"base.tar.$format"
  base_spec "base.tar.$format"
  refused $input "base.tar.$format.*(damaged|cut short|truncated)" ""
}
for format in tar xz gz zst bz2; do check "a truncated $format" truncated "$format"; done
hostile() {
  "$e2e_lib/hostile-tar" "$1" >base.tar
  base_spec base.tar
  refused $input "unpack .*base.tar" ""
  assert_missing /tmp/gbox-absolute-escaped
  assert_missing /tmp/gbox-symlink-escaped
  assert_equal "$(find "$scratch" /tmp -maxdepth 3 -name '*-escaped' 2>/dev/null)" "" "escaped"
}
while read -r name; do
  check "a hostile tarball: $name" hostile "$name"
done < <("$e2e_lib/hostile-tar" --list)
not_a_system() {
  mkdir empty
  tar -cf base.tar empty
  base_spec base.tar
  sed -i 's,^remove.*,run = "true",' stage4.toml
  fails $input gbox build stage4.toml --output "oci:$PWD/image"
  assert_error "base" ""
  assert_missing "$PWD/image"
}
check "a tarball without a shell" not_a_system

# --- repositories ---
repository_spec() {
  "$e2e_lib/hostile-tar" plain >base.tar
  printf 'name = "x"\n[base]\ntarball = "base.tar"\n[repos.%s]\npath = "%s"\n%s\n%s\n' \
    "${1##*/}" "$1" "${2:-}" "$plain_tail" >stage4.toml
}
missing_repository() {
  repository_spec none
  refused $input "stage4.toml:[45]:.*none" ""
}
check "a repository that is not there" missing_repository
not_a_repository() {
  mkdir demo
  repository_spec demo
  refused $input "demo.*(repo_name|layout.conf)" ""
}
check "a directory that is no repository" not_a_repository
wrong_profile() {
  ln -s "$e2e_root/tests/standin/repo" standin
  repository_spec standin '[portage]
profile = "standin/linux/amd46"'
  refused $usage "stage4.toml:7:.*standin/linux/amd46" "standin/linux/amd64"
}
check "a profile that is not in the repository" wrong_profile
missing_distfiles() {
  ln -s "$e2e_root/tests/standin/repo" standin
  repository_spec standin '[build]
distfiles = "none"'
  refused $input "stage4.toml:7:.*none" ""
}
check "a directory of distfiles that is not there" missing_distfiles

# --- what is odd and yet fine ---
devices() {
  "$e2e_lib/hostile-tar" devices >base.tar
  base_spec base.tar
  sed -i 's,/file,/etc,' stage4.toml
  run gbox build stage4.toml --output "oci:$PWD/image"
  assert_equal "$status" 0
  assert_contains "$err" "device"
  assert_contains "$(layer_names image)" "dev/pipe"
  assert_lacks "$(layer_names image)" "dev/null"
  assert_lacks "$(layer_names image)" "dev/sda"
}
check "device nodes are left out, and told" devices

check_finish
