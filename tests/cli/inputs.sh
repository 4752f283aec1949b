#!/bin/bash
# Inputs from a mirror, a git repository and URLs: named in a spec, locked, kept, and had again
# without the mirror. What mirrors do wrong is in bad_mirror.sh.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/mirror.sh"

readonly spec_error=2 input_error=4
umask 022
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
export GBOX_STORE=store # of each case, in its own directory

# --- a mirror of small files, with two days of everything ---
good=$scratch/good
mkdir -p "$scratch/stage3"/{etc,bin}
cp /bin/sh "$scratch/stage3/bin/sh" # looked at, not run
head -c 300000 /dev/urandom >"$scratch/stage3/etc/random"
tar --directory "$scratch/stage3" --create . | xz -0 >"$scratch/stage3.tar.xz"
"$e2e_root/tests/mirror/make" --stage3 "$scratch/stage3.tar.xz" --variants nomultilib-openrc \
  --tree "$e2e_root/tests/standin/repo" --tree-name gentoo "$good"
mapfile -t stamps <"$good/stamps"
mapfile -t days <"$good/dates"
readonly old=${stamps[0]} new=${stamps[1]} old_day=${days[0]} new_day=${days[1]}
rules=$scratch/rules
requests=$scratch/requests
echo '[]' >"$rules"
mirror_start mirror --rules "$rules" --log "$requests" "$scratch"
url=http://127.0.0.1:${mirror_port[mirror]}
small_sha512=$(sha512sum <"$scratch/stage3.tar.xz" | cut -d' ' -f1)

# case_spec [LINE…]: LINEs begin in [base]; the mirror is this case's own copy, as ./root.
case_spec() {
  [[ -d root ]] || cp -r "$good/root" root
  mirror=$url/${PWD##*/}/root
  autobuilds=root/releases/amd64/autobuilds
  cat >stage4.toml <<TOML
name = "inputs"
[base]
$(printf '%s\n' "$@")
[[phase]]
name = "p"
remove = ["/etc/none"]
TOML
}
# Sources with the mirror of the case and its keys.
stage3_lines() {
  printf 'stage3 = "%s"\n%s\n' "${1:-openrc}" "$(trusted)"
}
trusted() { printf 'mirror = "%s"\nkeyring = "%s"' "$url/${PWD##*/}/root" "$good/keys/keys.asc"; }
tree_lines() { printf '[repos.gentoo]\n%s\n%s\n' "$(trusted)" "$*"; }
# label IMAGE NAME
label() { jq -r --arg name "$2" '.config.Labels[$name] // "none"' "$(image_config "$1")"; }
image_config() { image_blob "$1" "$(jq -r .config.digest "$(image_manifest "$1")")"; }
small_base() { printf 'tarball = "%s"\n' "$scratch/stage3.tar.xz"; }

# Files of mapped ids are in it: they are moved out of the way.
lose_store() { mv store "lost.$SRANDOM"; }
builds() { ok gbox build stage4.toml --output "oci:$PWD/image" "$@"; }
locked() { sed -n "/^\[${1%.*}\]/,/^\[/s/^${1##*.} = \"\(.*\)\"/\1/p" stage4.lock; } # TABLE.KEY
# requested GLOB: how often files of this case's mirror were asked for.
requested() {
  jq -rs --arg case "/${PWD##*/}/" --arg what "$1" \
    'map(select((.path | contains($case)) and (.path | endswith($what)))) | length' "$requests"
}
keys() { gbox plan --json "$@" </dev/null 2>/dev/null | jq -r '.steps[].key'; }

# --- names ---
stage3_names() {
  local date
  case_spec "$(stage3_lines nomultilib-openrc)"
  builds
  # Of the mirror's word at first; once it is there, of the file.
  assert_contains "$err" "nomultilib-openrc $new  locked"$'\n'
  builds
  assert_contains "$err" "nomultilib-openrc $new  verified, in store"$'\n'
  assert_equal "$(locked base.file)" "stage3-amd64-nomultilib-openrc-$new.tar.xz"
  assert_equal "$(locked base.signer)" "$(sed -n 's/^release //p' "$good/keys/fingerprints")"
  for date in "$old" "${old%T*}" "$new" "${new%T*}"; do
    case_spec "$(stage3_lines)" "date = \"$date\""
    ok gbox lock
    assert_matches "$(locked base.stamp)" "^$date"
  done
}
check "a stage3 by variant, by day and by its whole stamp" stage3_names

# What the mirror says of the file is enough for the lock, unless its SHA-256 is not among that.
locked_unseen() {
  local path=$autobuilds_of/stage3-amd64-openrc-$new.tar.xz word
  case_spec "$(stage3_lines)"
  ok gbox lock
  assert_equal "$(requested "$path")" 0 "requests for the stage3"
  assert_equal "$(requested "$path.sha256")" 1
  for word in sha256 sha512 b2; do
    assert_equal "$(locked "base.${word/b2/blake2b}")" "$("${word}sum" <"$scratch/stage3.tar.xz" | cut -d' ' -f1)"
  done
  assert_equal "$(sed -n 's/^size = //p' stage4.lock)" "$(stat -c %s "$scratch/stage3.tar.xz")"
  assert_equal "$(find store/inputs -type f)" "" "inputs"
  cp stage4.lock before
  builds --locked
  assert_equal "$(requested "$path")" 1 "requests for the stage3"
  # A mirror without it: the same lock, at the price of a download.
  rm stage4.lock "root/$path.sha256" && lose_store
  ok gbox lock
  cmp stage4.lock before || fail "another lock"
  assert_equal "$(requested "$path")" 2 "requests for the stage3"
}
autobuilds_of=releases/amd64/autobuilds/$new
check "a lock is written from what is signed about a stage3; the stage3 itself is fetched to build" \
  locked_unseen

# layer_of IMAGE: what an image of repositories holds, and when it was published
layer_of() { jq -c '[.rootfs.diff_ids, .created]' "$(image_config "$1")"; }
snapshots() {
  local format date day
  for format in tar squashfs; do
    for date in latest "$old_day"; do
      rm -f stage4.lock
      case_spec "$(small_base)" "$(tree_lines "format = \"$format\"")" "snapshot = \"$date\""
      builds --repos-output "oci:$PWD/repos-$format-$date"
      day=$([[ $date == latest ]] && echo "$new_day" || echo "$old_day")
      assert_contains "$err" "gentoo  $day  verified, in store"
      assert_equal "$(locked repos.gentoo.date)" "$day"
      assert_equal "$(locked repos.gentoo.signer)" "$(sed -n 's/^snapshot //p' "$good/keys/fingerprints")"
      assert_equal "$(label "repos-$format-$date" gbox.repository.gentoo)" \
        "snapshot $day sha256:$(locked repos.gentoo.sha256)"
    done
  done
  # A layer of the tree's own times and root's files, whichever form it came in.
  layer_names repos-tar-latest >names
  assert_equal "$(head -n 4 names | tr '\n' ' ')" "var/ var/db/ var/db/repos/ var/db/repos/gentoo/ "
  assert_contains "$(<names)" var/db/repos/gentoo/profiles/repo_name
  assert_equal "$(layer_of repos-squashfs-latest)" "$(layer_of repos-tar-latest)"
}
check "snapshots of the tree, as tarball and squashfs, of two days, and images of them" snapshots

git_repository() {
  local first
  git init --quiet --initial-branch=main tree
  cp -r "$e2e_root/tests/standin/repo/." tree
  commit() { git -C tree -c user.name=x -c user.email=x@invalid commit --quiet --all -m "$1"; }
  git -C tree add . && commit first
  first=$(git -C tree rev-parse HEAD)
  git -C tree tag one
  echo '# more' >>tree/sets.conf && commit second
  git_spec() { case_spec "$(small_base)" '[repos.standin]' "git = \"file://$PWD/tree\"" "$@"; }
  git_spec
  builds
  assert_equal "$(locked repos.standin.commit)" "$(git -C tree rev-parse HEAD)"
  git_spec 'rev = "one"'
  builds
  assert_equal "$(locked repos.standin.commit)" "$first"
  # The branch moves on; the lock does not.
  git_spec 'rev = "main"'
  builds
  cp stage4.lock before
  echo '# and more' >>tree/sets.conf && commit third
  builds --locked
  cmp stage4.lock before || fail "the lock has moved"
  ok gbox lock stage4.toml --update standin
  assert_contains "$out" "$(git -C tree rev-parse HEAD)"
  mv tree elsewhere
  builds --offline
  lose_store
  fails $input_error gbox build stage4.toml --output "oci:$PWD/image"
  assert_error "'standin'" ""
}
check "a repository of git, by branch, tag and commit" git_repository

tarball_by_url() {
  case_spec "tarball = \"$url/stage3.tar.xz\"" "sha512 = \"$small_sha512\""
  builds
  assert_equal "$(locked base.sha512)" "$small_sha512"
  case_spec "tarball = \"$url/stage3.tar.xz\""
  fails $spec_error gbox build stage4.toml
  assert_error "digest" "sha512"
  case_spec "tarball = \"$url/stage3.tar.xz\"" "sha512 = \"${small_sha512//[0-7]/8}\""
  fails $input_error gbox build stage4.toml
  assert_error "sha512 is" "not the file that was meant"
}
check "a tarball by URL and digest" tarball_by_url

mirrors_in_order() {
  case_spec "$(stage3_lines)"
  cp -r root second
  rm "$autobuilds/$new/stage3-amd64-openrc-$new.tar.xz"
  sed -i "s|^mirror = .*|mirror = [\"$mirror\", \"${mirror%root}second\"]|" stage4.toml
  builds
  assert_contains "$err" "trying '127.0.0.1"
  assert_equal "$(requested "second/$autobuilds/$new/stage3-amd64-openrc-$new.tar.xz")" 0
  assert_equal "$(requested "second/${autobuilds#root/}/$new/stage3-amd64-openrc-$new.tar.xz")" 1
}
check "of several mirrors the next one is asked for what the first has not got" mirrors_in_order

# The image, which may travel without spec and lock, says so too.
unverified() {
  case_spec "stage3 = \"openrc\"" "mirror = \"$url/${PWD##*/}/root\"" 'verify = false' \
    "$(tree_lines 'snapshot = "latest"')"
  builds
  assert_equal "$(grep -c '^gbox: warning: .*sign' <<<"$err")" 1 "warnings"
  assert_contains "$err" "stage4.toml:5:10: 'verify' is false"
  assert_equal "$(label image gbox.unverified)" base
  case_spec "$(stage3_lines)"
  builds
  assert_equal "$(label image gbox.unverified)" none
}
check "what is taken without a signature is warned of once, and named by the image" unverified

# --- the lock ---
# The mirror goes from the old stamp to the new one.
renew_mirror() { cp "$good/root/releases/amd64/autobuilds/latest-stage3-amd64-openrc.txt" "$autobuilds/"; }
older_mirror() {
  local pointer=$autobuilds/latest-stage3-amd64-openrc.txt made
  made=$(date --utc --date "${old:0:8} ${old:9:2}:${old:11:2}" +%s)
  printf '# ts=%s\n%s/stage3-amd64-openrc-%s.tar.xz %s\n' "$made" "$old" "$old" \
    "$(stat -c %s "$scratch/stage3.tar.xz")" >plain
  "$e2e_root/tests/mirror/sign" "$good" release clear plain \
    "$(date --utc --date "@$made" +%Y%m%dT%H%M%S)" >"$pointer"
}

obeyed() {
  case_spec "$(stage3_lines)" "$(tree_lines 'snapshot = "latest"')"
  older_mirror
  builds
  image=$out
  assert_equal "$(locked base.stamp)" "$old"
  cp stage4.lock before
  renew_mirror
  builds
  assert_equal "$out" "$image" "the mirror has a newer one, the lock has not"
  ok gbox lock
  assert_equal "$out" ""
  ok gbox lock stage4.toml --update base --dry-run
  assert_contains "$out" "base.stamp: \"$old\" → \"$new\""
  assert_lacks "$out" repos
  cmp stage4.lock before || fail "--dry-run has written the lock"
  ok gbox lock stage4.toml --update base
  assert_contains "$out" "base.stamp: \"$old\" → \"$new\""
  assert_equal "$(locked base.stamp)" "$new"
  assert_equal "$(sed -n '/^\[repos/,$p' stage4.lock)" "$(sed -n '/^\[repos/,$p' before)"
  ok gbox lock stage4.toml --update
  assert_equal "$out" "" "nothing is newer"
  fails $spec_error gbox lock stage4.toml --update bsae
  assert_error "nothing is called 'bsae'" "did you mean 'base'"
}
check "a lock is written, obeyed, and only changed when asked" obeyed

locked_refuses() {
  case_spec "$(stage3_lines)" "$(tree_lines 'snapshot = "latest"')"
  fails $spec_error gbox build stage4.toml --locked
  assert_error "'--locked': the lock has no base" "gbox lock stage4.toml"
  assert_missing stage4.lock
  ok gbox lock
  cp stage4.lock before
  builds --locked
  case_spec "$(stage3_lines)" "$(tree_lines "snapshot = \"$old_day\"")"
  fails $spec_error gbox build stage4.toml --locked
  assert_error "'--locked': the lock has repository 'gentoo' as 'snapshot latest, format tar', the spec says 'snapshot $old_day, format tar'" \
    "gbox lock stage4.toml"
  cmp stage4.lock before || fail "--locked has changed the lock"
}
check "--locked refuses an incomplete or stale lock, and takes a whole one" locked_refuses

edits() {
  local pointers
  case_spec "$(stage3_lines)" "$(tree_lines 'snapshot = "latest"')"
  ok gbox lock
  older_mirror # would be refused as older, were the base asked for again
  pointers=$(requested latest-stage3-amd64-openrc.txt)
  case_spec "$(stage3_lines)" "$(tree_lines "snapshot = \"$old_day\"")"
  ok gbox lock
  assert_contains "$out" "repos.gentoo.date: \"$new_day\" → \"$old_day\""
  assert_lacks "$out" "base."
  assert_equal "$(requested latest-stage3-amd64-openrc.txt)" "$pointers" "requests for the pointer"
  case_spec "$(stage3_lines)"
  ok gbox lock
  assert_contains "$out" "repos.gentoo"
  assert_lacks "$(<stage4.lock)" gentoo-
}
check "an edit of the spec makes only what it is about stale" edits

damaged_lock() {
  case_spec "$(stage3_lines)"
  ok gbox lock
  sed -i 's/^sha256 = .*/sha256 = "abc"/' stage4.lock
  fails $spec_error gbox build stage4.toml
  assert_error "stage4.lock:[0-9]+:[0-9]+: " "gbox lock|delete|remove"
}
check "a damaged lock is refused with its place" damaged_lock

# --- kept ---
gone_from_mirror() {
  case_spec "$(stage3_lines)"
  ok gbox fetch
  rm -r "${autobuilds:?}/$new"
  builds
  lose_store
  rm -r image
  fails $input_error gbox build stage4.toml --output "oci:$PWD/image"
  assert_error "fetch base 'stage3-amd64-openrc-$new.tar.xz': not at" \
    "gbox lock stage4.toml --update base.*place the file beside the spec"
  assert_missing image
  cp "$scratch/stage3.tar.xz" "stage3-amd64-openrc-$new.tar.xz"
  builds --locked --offline
  lose_store
  echo other >"stage3-amd64-openrc-$new.tar.xz"
  fails $input_error gbox build stage4.toml --offline
  assert_error "got 6 of" ""
}
check "a locked file that has left the mirror comes from the store, or from beside the spec" gone_from_mirror

resumed() {
  case_spec "$(stage3_lines)"
  echo "[{\"path\": \"*/${PWD##*/}/*.tar.xz\", \"cut_after\": 100000, \"times\": 2}]" >"$rules"
  builds
  echo '[]' >"$rules"
  assert_equal "$(jq -rs --arg case "/${PWD##*/}/" 'map(select((.path | contains($case)) and
    (.path | endswith(".tar.xz"))) | .range) | join(" ")' "$requests")" " bytes=100000- bytes=200000-"
}
check "a download that is cut goes on where it ended" resumed

equal_keys() {
  case_spec "$(small_base)" "$(tree_lines 'snapshot = "latest"')"
  ok gbox lock
  keys >one
  GBOX_STORE=other keys --locked >two
  [[ -s one ]] || fail "there are no keys"
  cmp one two || fail "the keys differ: $(paste one two)"
  # Another form of the same tree is another input.
  case_spec "$(small_base)" "$(tree_lines 'format = "squashfs"')" 'snapshot = "latest"'
  ok gbox lock
  builds
}
check "with one lock, two stores have the same keys" equal_keys

# --- all of it, of a stage3 that has Portage and a compiler ---
offline() {
  "$e2e_root/tests/mirror/make" --stage3 "$(stage3)" --variants '' --stamps "$new" \
    --tree "$e2e_root/tests/standin/repo" --tree-name gentoo --distfiles "$(distfiles)" mirror
  mirror_start whole mirror/root
  cat >stage4.toml <<TOML
name = "inputs-offline"
[base]
stage3 = "openrc"
mirror = "http://127.0.0.1:${mirror_port[whole]}"
keyring = "mirror/keys/keys.asc"
[repos.gentoo]
snapshot = "latest"
mirror = "http://127.0.0.1:${mirror_port[whole]}"
keyring = "mirror/keys/keys.asc"
[portage]
profile = "standin/linux/amd64"
common_flags = "-march=native -O1 -pipe"
cpu_flags = ["native"]
make_conf = { GBOX_TEST = "${scratch##*/}" }
[[phase]]
name = "classic"
emerge = ["app-demo/hello-classic"]
[[phase]]
name = "look"
run = "hello-classic; portageq envvar CFLAGS CPU_FLAGS_X86"
TOML
  ok gbox lock
  assert_matches "$(locked cpu.march)" '^-march=[a-z]'
  assert_lacks "$(sed -n '/^march/p' stage4.lock)" native
  assert_matches "$(<stage4.lock)" 'flags = \[.*"sse2"'
  fails $input_error gbox build stage4.toml --offline
  assert_error "offline|not fetched yet" "gbox fetch|place"
  ok gbox fetch
  # A source archive that has gone bad is found by its digest, and fetched again.
  local archive
  archive=$(find "$GBOX_STORE/distfiles" -name 'hello-classic-*' -print -quit)
  cp "$archive" archive
  printf x | dd of="$archive" bs=1 seek=100 conv=notrunc status=none
  fails 1 gbox cache verify
  assert_matches "$out" "dropped distfile ${archive##*/}: its (BLAKE2b|SHA-512) is "
  assert_missing "$archive"
  ok gbox fetch
  cmp archive "$archive"
  ok gbox cache verify
  assert_matches "$out" ' [1-9][0-9]* distfiles?, '
  mirror_stop whole
  builds --offline --locked
  ok gbox log look
  assert_contains "$out" "$(locked cpu.march)"
  assert_matches "$out" 'sse2'
  # What native meant, for who has only the image.
  assert_equal "-march=$(label image gbox.march)" "$(locked cpu.march | cut -d' ' -f1)"
}
check "gbox fetch brings all that a build without a network needs, and native is in the lock" offline

check_finish
