#!/bin/bash
# A limit of a step's disk, and a disk that is full, are told and survived however roots are put
# together: by overlays of the kernel's or of fuse-overlayfs, or as copies, which begin full of what
# the step was given.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

# A root that is small but for one file, and may be copied a dozen times.
mkdir -p "$scratch/root/bin" "$scratch/root/etc"
cp /bin/busybox "$scratch/root/bin/"
for applet in sh cat dd echo mkdir rm seq sleep; do ln -s busybox "$scratch/root/bin/$applet"; done
head -c 30M /dev/urandom >"$scratch/root/big"
tar -C "$scratch/root" --owner=0 --group=0 --numeric-owner -cf "$scratch/base.tar" .
rm -r "$scratch/root"

ways=(kernel copy)
if type -P fuse-overlayfs >/dev/null && [[ -r /dev/fuse && -w /dev/fuse ]]; then ways+=(fuse); fi

# step_spec LIMITS SCRIPT [MOUNT]
step_spec() {
  cat <<TOML
name = "${test_name//_/-}"
[base]
tarball = "$scratch/base.tar"
[[phase]]
name = "p"
shell = "sh"
$1
run = '''
$2
'''
${3:-}
TOML
}
readonly megabytes='for i in $(seq 100); do dd if=/dev/zero of=PLACE/part$i bs=1M count=1 2>/dev/null; sleep 0.1; done; sleep 60'

limited() {
  local way=$1 place
  own_store "store-$way"
  hit() {
    fails 6 gbox build --storage "$way" stage4.toml
    assert_error "at its limit 'disk = 20M' .*it had reached [0-9.]+ MiB" "limit disk="
  }
  # New files, temporary ones, and what a cache is given.
  for place in / /tmp /cache; do
    step_spec 'limits = { disk = "20M" }' "${megabytes//PLACE/$place}" \
      $'[[phase.mount]]\nkind = "cache"\nid = "c"\ntarget = "/cache"' >stage4.toml
    hit
  done
  # A file that is changed counts as a whole, as it is kept.
  step_spec 'limits = { disk = "20M" }' 'echo more >>/big; sleep 60' >stage4.toml
  hit
  # What was there before, and what is read or removed of it, does not.
  step_spec 'limits = { disk = "20M" }' 'cat /big >/dev/null; rm /bin/mkdir; echo x >/x; sleep 4' >stage4.toml
  ok gbox build --storage "$way" stage4.toml
  ok gbox cache verify
  assert_equal "$(ls "$store/work")" "" "left in the store"
}

# A step that ends well, and then its changes find no room: said as such, and nothing is kept of it.
# (An overlay's are where they belong already.)
no_room_to_keep() {
  cp "$GBOX" "$public/gbox"
  step_spec '' 'dd if=/dev/zero of=/half bs=1M count=70' >half.toml
  printf 'root:1:65536\n' >subuid
  run "$e2e_lib/in-ids" --mount bash -c '
    mount --bind subuid /etc/subuid && mount --bind subuid /etc/subgid &&
      mkdir small && mount -t tmpfs -o size=190m none small || exit 99
    "$1" build half.toml --output oci:image --store "$PWD/small/store" --storage copy
    code=$?
    ls -A small/store/work; ls image 2>/dev/null
    "$1" cache verify --store "$PWD/small/store" >&2 || exit 98
    exit $code' half "$public/gbox"
  assert_equal "$status" 3
  assert_error "phase 'p': find what a step has changed: .*No space left on device" "cache gc"
  assert_equal "$out" "" "left behind"
}

# The store on a disk of its own, which a step fills; afterwards another one finds room.
full() {
  local way=$1
  cp "$GBOX" "$public/gbox"
  step_spec '' 'dd if=/dev/zero of=/fill bs=1M count=300' >fills.toml
  step_spec '' 'dd if=/dev/zero of=/fits bs=1M count=8' >fits.toml
  printf 'root:1:65536\n' >subuid
  run "$e2e_lib/in-ids" --mount bash -c '
    mount --bind subuid /etc/subuid && mount --bind subuid /etc/subgid &&
      mkdir small && mount -t tmpfs -o size=160m none small || exit 99
    gbox() { "$1" "${@:3}" --store "$PWD/small/store" --storage "$2"; }
    gbox "$1" "$2" build fills.toml --output oci:image
    code=$?
    ls image 2>/dev/null
    "$1" cache verify --store "$PWD/small/store" >&2 || exit 98
    "$1" cache gc --keep 60M --store "$PWD/small/store" >/dev/null || exit 96 # as the hint has it
    gbox "$1" "$2" build fits.toml --output oci:fits >/dev/null || exit 97
    exit $code' full "$public/gbox" "$way"
  assert_equal "$status" 6
  assert_error "the file system of the store .* is full" "cache gc"
  assert_equal "$out" "" "an image"
  assert_lacks "$err" "damaged"$'\n'"dropped"
}
public=$(mktemp -d "${TMPDIR:-/tmp}/gbox-limits.XXXXXX")
chmod 755 "$public"
e2e_outside+=("$public")

for way in "${ways[@]}"; do
  check "a limit of disk, by $way" limited "$way"
  check "a full disk, by $way" full "$way"
done
check "no room for what a copied root has changed" no_room_to_keep
check_finish
