#!/bin/bash
# An application with the traits of PHP out of an empty ROOT: what it needs is there, without having
# been asked for (layout, C library, the compiler's library, accounts, a locale, choices of eselect),
# what it was built with is not, and it runs from scratch.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/podman.sh"

mkdir "$scratch/files"
printf '%s\n' '# locales' 'de_DE.UTF-8 UTF-8' >"$scratch/files/locale.gen"

# What only chooses is gone in the end, and with it the need for a shell; the choices stay.
spec "$scratch/stage4.toml" lamp <<'TOML'
[[phase]]
name = "tools"
emerge = ["sys-apps/locale-gen"]
[[phase]]
name = "lamp"
root = "/destination"
copy = [{ from = "files/locale.gen", to = "/etc/locale.gen" }]
emerge = ["app-demo/lamp"]
[[phase]]
name = "lamp-trim"
root = "/destination"
unmerge = ["app-eselect/eselect-lamp", "app-admin/eselect-demo"]
[output]
root = "/destination"
layers = "single"
compression = "zstd"
[output.config]
entrypoint = ["/usr/bin/lamp"]
env = { LANG = "de_DE.UTF-8" }
TOML
sed -i '/^make_conf/ i package_use = { "app-demo/lamp" = ["fpm", "intl"] }' "$scratch/stage4.toml"
build_events "$scratch/events" "$scratch/stage4.toml" --output "oci:$scratch/image" \
  --output "oci-archive:$scratch/image.tar" --cache-to "dir=$scratch/packages"
[[ $status -eq 0 ]] || {
  tail -n 5 "$scratch/events" | cut -c1-2000 >&2
  fail "exit status $status"
}
digest=$(tail -n 1 <<<"$out" | cut -d' ' -f2)

# --- what gbox says of it ---
assert_contains "$(jq -r 'select(.event == "fact") | .text' "$scratch/events")" "closure complete"
facts=$(jq -r 'select(.event == "fact" and .subject == "root") | .text' "$scratch/events")
assert_matches "$facts" "^/destination: sys-apps/baselayout-2.15, sys-libs/glibc-2.36, virtual/libc-1 taken over from '/' \\([0-9]+ files\\)"
assert_contains "$facts" "/destination: libgcc_s.so.1, libstdc++.so.6 taken over from sys-devel/gcc-12.2.0 in '/'"
log=$(gbox log lamp)
assert_contains "$log" ">>> gbox: eselect lamp set lamp lamp1: /usr/bin/lamp"
assert_contains "$log" ">>> gbox: eselect lamp set lamp-fpm lamp1: /usr/bin/lamp-fpm"
assert_contains "$log" ">>> gbox: done in '/destination': 1 locale, env-update, ldconfig"

# --- it runs, from scratch ---
expected='lamp 1
locale de_DE.UTF-8
account 870:870
script STRASSE'
ok gbox run "oci:$scratch/image"
assert_equal "$out" "$expected"
ok gbox run "oci:$scratch/image" -- /usr/bin/lamp-fpm
assert_equal "$out" "${expected/lamp/lamp-fpm}"
if podman_setup "$scratch"; then
  image=$(podman_load "$scratch/image.tar")
  ok podman_run "$image"
  assert_equal "$out" "$expected"
  podman_teardown
else
  say "podman cannot run here: $PODMAN_WHY_NOT"
  [[ ${GBOX_TESTS_MUST_RUN:-0} != 1 ]] || fail "podman cannot run here: $PODMAN_WHY_NOT"
fi

# --- what is in it ---
size=$(jq '[.layers[].size] | add' "$(image_manifest "$scratch/image")")
((size < 12 * 1024 * 1024)) || fail "the image has $size bytes"
names=$(layer_names "$scratch/image" | sed 's,/$,,')
for path in usr/bin/greetgen usr/include/stdio.h usr/bin/gcc usr/lib/x86_64-linux-gnu/libc.a usr/bin/bash \
  usr/lib/x86_64-linux-gnu/libgomp.so.1 usr/sbin/locale-gen var/lib/gbox usr/local/sbin/eselect; do
  ! grep -qx "$path" <<<"$names" || fail "'$path' is in the image"
done

root=$scratch/root
mkdir "$root"
"$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$scratch/image" "$root"
in_root() { "$e2e_lib/in-ids" "$@"; }
assert_equal "$(in_root readlink "$root/bin" "$root/usr/bin/lamp" | paste -sd' ')" \
  "usr/bin ../lib/lamp1/bin/lamp"
assert_equal "$(in_root grep -h lampd "$root/etc/passwd" "$root/etc/group")" \
  $'lampd:x:870:870::/dev/null:/sbin/nologin\nlampd:x:870:'
# Nobody else's account, and nobody's password.
assert_equal "$(in_root cut -d: -f1 "$root/etc/passwd" | paste -sd' ')" "root nobody lampd"
assert_equal "$(in_root cut -d: -f1,2 "$root/etc/shadow" | grep -v ':[!*]$')" ""
# The environment is that of what is in it; the linker's cache knows its libraries and no others.
assert_contains "$(in_root cat "$root/etc/ld.so.conf")" "/usr/lib/x86_64-linux-gnu"
cache=$(in_root ldconfig -r "$root" -p)
assert_contains "$cache" "libscript.so.1"
assert_lacks "$cache" "libpython"
assert_missing "$root/var/cache/ldconfig/aux-cache"
# Portage in it knows what is there, and nothing that is not.
missing=$(in_root bash -c '
  cd "$1"
  sed -nE "s/^(obj|sym) ([^ ]+) .*/\2/p; s/^dir (.*)/\1/p" var/db/pkg/*/*/CONTENTS |
    while read -r path; do [[ -e .$path || -L .$path ]] || echo "$path"; done' -- "$root")
assert_equal "$missing" "" "files that the database has and the image has not"
assert_equal "$(in_root bash -c 'cd "$1/var/db/pkg" && echo */*' -- "$root")" \
  "acct-group/lampd-0 acct-user/lampd-0 app-demo/lamp-1 dev-demo/libscript-1.0 \
sys-apps/baselayout-2.15 sys-devel/gcc-12.2.0 sys-libs/glibc-2.36 virtual/libc-1"

# --- nothing of it is in '/' ---
ok gbox run lamp -- /bin/sh -c '
  ls /usr/bin/lamp /usr/lib/lamp1 /var/lib/gbox /usr/local/sbin/eselect 2>&1; grep lampd /etc/passwd
  type greetgen'
assert_lacks "$out" $'\n/usr/bin/lamp\n'
assert_contains "$out" "greetgen is"
assert_lacks "$out" "lampd:"

# --- again, in a store that has nothing, of the packages alone: the very same ---
# That packages come out equal when they are compiled again is for reproducible.sh.
ok gbox build --store "$scratch/again-store" "$scratch/stage4.toml" --output "oci:$scratch/again" \
  --cache-from "dir=$scratch/packages" --cache-snapshots never
assert_matches "$err" "lamp: [0-9]+ packages, [0-9]+ in the store, 0 to build"
assert_equal "$(cut -d' ' -f2 <<<"$out")" "$digest" "the digest of a second build"
