#!/bin/bash
# A store where no overlay can be mounted: roots of steps are copies, gbox says so once, and the whole
# of a stage3's build, emerge and all, makes the very layers that overlays make, but for times.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/changes.sh"

{
  printf '[[phase]]\nname = "hello"\nemerge = ["dev-demo/libgreet"]\n'
  changing_phases
} | spec "$scratch/stage4.toml"

own_store kernel
ok gbox build --require-level full "$scratch/stage4.toml" --output "oci:$scratch/by-kernel"
own_store copy
ok gbox build --storage copy --progress plain "$scratch/stage4.toml" --output "oci:$scratch/by-copy"
assert_matches "$err" "^level    no-kernel-overlay: '--storage copy' was asked for; lost: [^;]*; for more: leave '--storage' out"
ok "$e2e_lib/same-layers" "$scratch/by-kernel" "$scratch/by-copy" \
  '^var/(cache|log)/|/(BUILD_TIME|BINPKGMD5|CONTENTS|metadata)$'
# Nothing is built again, and nothing of the copies stays.
ok gbox build --storage copy --progress plain "$scratch/stage4.toml" --output "oci:$scratch/by-copy"
assert_contains "$err" "nothing to run"
assert_equal "$(ls "$store/work")" "" "left in the store"
ok gbox run --storage copy change -- cat /etc/debian_version/in
assert_equal "$out" in
# What works on a copy writes through to no snapshot.
ok gbox run --storage copy undo -- sh -c 'echo broken >/etc/issue; rm -r /usr/bin/greetgen; exit 0'
ok gbox run --storage copy undo -- sh -c 'test -x /usr/bin/greetgen && cat /etc/issue'
assert_lacks "$out" broken
fails 3 gbox run --storage copy --require-level proc-bound undo true
assert_error "'--storage copy' was asked for"

# --- a store on an overlay, as in a container without a volume ---
public_program
printf 'root:1:65536\n' >"$public/subuid"
cat >"$public/container" <<'SH'
cd "$1" && mkdir -p lower upper work merged &&
  mount --bind subuid /etc/subuid && mount --bind subuid /etc/subgid &&
  mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work none merged || exit 99
export GBOX_STORE=$PWD/merged/store
shift
exec "$@"
SH
mkdir "$scratch/outer"
cp "$public/subuid" "$scratch/outer/"
container() { "$e2e_lib/in-ids" --mount bash "$public/container" "$scratch/outer" "$@"; }
"$e2e_lib/hostile-tar" plain >"$scratch/base.tar"
cat >"$scratch/small.toml" <<'TOML'
name = "small"
[base]
tarball = "base.tar"
[[phase]]
name = "add"
copy = [{ from = "base.tar", to = "/dir/inner/file" }, { from = "base.tar", to = "/gone" }]
[[phase]]
name = "remove"
remove = ["/file", "/gone", "/dir"]
[[phase]]
name = "again"
copy = [{ from = "small.toml", to = "/dir/inner/file" }]
TOML
own_store outside
ok gbox build --require-level full "$scratch/small.toml" --output "oci:$scratch/small"
ok container "$public/gbox" build --progress plain "$scratch/small.toml" --output "oci:$scratch/small-by-copy"
assert_matches "$err" "^level    no-kernel-overlay: open store '[^']*': it lies on overlay, which cannot hold an overlay; lost: "
assert_contains "$err" "for more: mount a volume"
ok "$e2e_lib/same-layers" "$scratch/small" "$scratch/small-by-copy"
ok container "$public/gbox" doctor
assert_contains "$out" "level    no-kernel-overlay"
fails 3 container "$public/gbox" build --require-level proc-bound "$scratch/small.toml"
assert_error "it lies on overlay" "mount a volume"
fails 3 container "$public/gbox" build --storage kernel "$scratch/small.toml"
assert_error "it lies on overlay" "leave '--storage kernel' out"
