#!/bin/bash
# The main job: a spec becomes an image out of what emerge compiled, built by an ordinary user, and
# tools that are not ours take it: skopeo, umoci and rootless podman.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/podman.sh"

spec "$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "layout"
root = "/destination"
emerge = ["sys-apps/baselayout"]
[[phase]]
name = "hello"
root = "/destination"
emerge = ["virtual/libc", "app-demo/hello"]
[[phase]]
name = "check"
run = "chroot /destination /usr/bin/hello"
[output]
root = "/destination"
[output.config]
entrypoint = ["/usr/bin/hello"]
cmd = ["image"]
env = { GREETING = "set" }
working_dir = "/tmp"
ports = ["8080"]
volumes = ["/data"]
labels = { "org.example.test" = "main job" }
stop_signal = "SIGINT"
TOML

ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image:1.0" \
  --output "oci-archive:$scratch/image.tar"

# One result line an output, nothing else on standard output.
assert_equal "$(wc -l <<<"$out")" 2 "lines of results"
digest=$(jq -r '.manifests[0].digest' "$scratch/image/index.json")
assert_matches "$out" "^oci:[^ ]*:1.0 $digest"$'\n'
assert_matches "$out" $'\n'"oci-archive:[^ ]* $digest\$"

# skopeo reads it and copies it.
ok skopeo inspect "oci:$scratch/image:1.0"
inspected=$out
assert_equal "$(jq -r .Digest <<<"$inspected")" "$digest"
assert_equal "$(jq -r .Os <<<"$inspected")" linux
assert_equal "$(jq -r '.Labels["org.example.test"]' <<<"$inspected")" "main job"
ok skopeo inspect --config "oci:$scratch/image:1.0"
assert_equal "$(jq -c .config.Entrypoint <<<"$out")" '["/usr/bin/hello"]'
assert_equal "$(jq -c .config.Cmd <<<"$out")" '["image"]'
assert_equal "$(jq -r .config.WorkingDir <<<"$out")" /tmp
assert_equal "$(jq -r .config.StopSignal <<<"$out")" SIGINT
assert_equal "$(jq -c .config.ExposedPorts <<<"$out")" '{"8080/tcp":{}}'
assert_equal "$(jq -c .config.Volumes <<<"$out")" '{"/data":{}}'
assert_contains "$(jq -c .config.Env <<<"$out")" '"GREETING=set"'
assert_equal "$(jq '[.history[] | select(.empty_layer != true)] | length' <<<"$out")" \
  "$(jq '.rootfs.diff_ids | length' <<<"$out")" "history and layers"
ok skopeo copy "oci:$scratch/image:1.0" "dir:$scratch/copied"
ok skopeo copy "oci-archive:$scratch/image.tar" "dir:$scratch/copied-from-archive"

# umoci unpacks it, and what it unpacked runs.
ok umoci unpack --rootless --image "$scratch/image:1.0" "$scratch/bundle"
assert_present "$scratch/bundle/rootfs/usr/bin/hello"
ok "$e2e_lib/in-ids" chroot "$scratch/bundle/rootfs" /usr/bin/hello
greeting=$out
[[ -n $greeting ]] || fail "hello says nothing"

# gbox runs it again, by its own entrypoint.
ok gbox run "oci:$scratch/image:1.0"
assert_matches "$out" '[a-z]'

# podman loads it and runs it. Not every host lets it: then the reason is said.
if podman_setup "$scratch"; then
  image=$(podman_load "$scratch/image.tar")
  ok podman_run "$image"
  assert_matches "$out" '[a-z]'
  ok podman_run --entrypoint '["/usr/bin/hello"]' "$image"
  assert_equal "$out" "$greeting"
else
  skip "podman cannot run here: $PODMAN_WHY_NOT"
fi
