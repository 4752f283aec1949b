#!/bin/bash
# Roots of steps by fuse-overlayfs, where the host has it: the layers that the kernel's overlays make,
# and nothing of its own marks in them. Where it cannot work, '--storage fuse' is refused with the
# reason.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/changes.sh"

changing_phases | spec "$scratch/stage4.toml"

# Without the program, or without a right to /dev/fuse: refused by name.
own_store without
if ! PATH=/usr/sbin:/usr/bin:/sbin:/bin type -P fuse-overlayfs >/dev/null; then
  fails 3 gbox build --storage fuse "$scratch/stage4.toml"
  assert_error "'fuse-overlayfs' is not in PATH" "install the package 'fuse-overlayfs'"
  exit 0
fi
if [[ ! -r /dev/fuse || ! -w /dev/fuse ]]; then
  fails 3 gbox build --storage fuse "$scratch/stage4.toml"
  assert_error "fuse-overlayfs" "/dev/fuse"
  echo "this account may not use /dev/fuse: the refusal was looked at, builds were not"
  exit 0
fi

own_store kernel
ok gbox build --require-level full "$scratch/stage4.toml" --output "oci:$scratch/by-kernel"
own_store fuse
ok gbox build --storage fuse --progress plain "$scratch/stage4.toml" --output "oci:$scratch/by-fuse"
assert_matches "$err" "^level    no-kernel-overlay: '--storage fuse' was asked for; lost: time: "
ok "$e2e_lib/same-layers" "$scratch/by-kernel" "$scratch/by-fuse"
run "$e2e_lib/in-ids" find "$store/snapshots" -name '.wh.*'
assert_equal "$out" "" "marks of fuse-overlayfs"
assert_equal "$(ls "$store/work")" "" "left in the store"
ok gbox run --storage fuse undo -- sh -c 'cat /etc/debian_version/in && ! ls /etc/issue.net'
assert_contains "$out" in
# The kernel reads what it has left.
ok gbox run --storage kernel undo -- sh -c 'cat /etc/debian_version/in && ! ls /etc/issue.net && ls /usr/share/aclocal'
assert_equal "$out" $'in\nnew'

# A package by itself: what looks into its root before it is built holds that no longer.
spec "$scratch/package.toml" <<<'[[phase]]
name = "package"
emerge = ["dev-demo/greetgen"]'
ok gbox build --storage fuse "$scratch/package.toml"
ok gbox run --storage fuse package -- test -x /usr/bin/greetgen
