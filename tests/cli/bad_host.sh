#!/bin/bash
# A host that cannot do what a build needs is told so before anything is written: which part, and
# what to do about it; exit code 3. A disk that is full is an error like any other.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly host=3

public_program
"$e2e_lib/hostile-tar" plain >"$public/base.tar"
cat >"$public/stage4.toml" <<'TOML'
name = "x"
[base]
tarball = "base.tar"
[[phase]]
name = "p"
remove = ["/file"]
TOML
chmod 644 "$public/base.tar" "$public/stage4.toml"
build=("$public/gbox" build "$public/stage4.toml" --output "oci:$scratch/image" --store "$scratch/s"
  --require-level full)

refused() {
  local error=$1 hint=$2
  shift 2
  fails $host "$@"
  assert_error "$error" "$hint"
  assert_missing "$scratch/image"
  assert_missing "$scratch/s/records"
}

# An empty directory in place of /usr/bin, for this process only; what is needed after that is copied.
cp "$(type -P setpriv)" "$public/"
mkdir "$public/empty"
check "newuidmap is not installed" \
  refused "'newuidmap' is not in PATH" "uidmap" "$e2e_lib/in-ids" --mount sh -c '
    mount --bind "$1/empty" /usr/bin && shift && exec "${1%/*}/setpriv" --reuid 5 --regid 60 --clear-groups "$@"' sh "$public" "${build[@]}"

# 'games' is an account of every Debian and has no range in /etc/subuid.
# newuidmap gets an owner that the namespace knows, or its setuid bit would count for nothing.
check "an account without subordinate ids" \
  refused "'games'.*/etc/subuid" "usermod --add-subuids" "$e2e_lib/in-ids" --mount sh -c '
    cp /usr/bin/newuidmap /usr/bin/newgidmap "$1" && chmod 4755 "$1"/new?idmap &&
      mount --bind "$1/newuidmap" /usr/bin/newuidmap &&
      mount --bind "$1/newgidmap" /usr/bin/newgidmap && shift &&
      exec "${1%/*}/setpriv" --reuid 5 --regid 60 --clear-groups "$@"' sh "$public" "${build[@]}"

check "no new privileges: newuidmap has no power" \
  refused "no_new_privs" "" setpriv --no-new-privs "${build[@]}"

check "user namespaces are switched off" \
  refused "user.max_user_namespaces' is 0" "sysctl" \
  "$e2e_lib/in-ids" --mount sh -c \
  'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"' sh "${build[@]}"

broken_helper() {
  mkdir bin
  cp /usr/bin/newuidmap /usr/bin/newgidmap bin/
  refused "neither the setuid bit nor" "uidmap" env PATH="$PWD/bin" "${build[@]}"
}
check "newuidmap without its privilege" broken_helper

# A disk of a few megabytes, mounted in a namespace of its own. Root of that namespace gets a range
# in an /etc/subuid of its own, as root of a container has.
small_disk() {
  printf 'root:1:65536\n' >subuid
  head -c 60000000 /dev/urandom >random
  cp "$public/base.tar" big.tar
  tar --append --file big.tar random
  sed 's,base.tar,big.tar,' "$public/stage4.toml" >stage4.toml
  fails $host "$e2e_lib/in-ids" --mount sh -c '
    mount --bind subuid /etc/subuid && mount --bind subuid /etc/subgid &&
      mkdir small && mount -t tmpfs -o size=16m none small || exit 99
    "$1" build stage4.toml --output oci:small/image --store "$PWD/small/store"
    code=$?
    ls small/image 2>/dev/null
    find small/store/work small/store/records small/store/snapshots -mindepth 1
    exit $code' sh "$public/gbox"
  assert_error "No space left on device" "free"
  assert_equal "$out" "" "left on the disk"
}
check "no space left" small_disk

check_finish
