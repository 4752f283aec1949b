#!/bin/bash
# What a phase mounts is seen by its steps and is in no snapshot, image or log: secrets, caches,
# directories in memory, and files beside the spec, which must not lead out of its directory.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
readonly secret=correct-horse-battery-staple
mkdir "$scratch/files"
echo "beside the spec" >"$scratch/files/note"
echo "$secret" >"$scratch/token"

# mount_spec NAME SCRIPT [LINE…]: a phase that runs SCRIPT, with these mounts.
mount_spec() {
  local name=$1 script=$2
  shift 2
  {
    printf '[[phase]]\nname = "step"\nrun = """\n%s\n"""\n' "$script"
    printf '[[phase.mount]]\n%b\n' "$@"
    printf '[output]\ncompression = "none"\n'
  } >"$scratch/$name.body"
  spec "$scratch/$name.toml" "$name" <"$scratch/$name.body"
}
readonly secret_mount='kind = "secret"\nid = "token"'
readonly cache_mount='kind = "cache"\nid = "ccache"\ntarget = "/var/cache/ccache"'
outputs() { jq -r 'select(.event == "output") | .line' "$scratch/events"; }

# --- all of them at once ---
mount_spec all '
echo "said: $(cat /run/secrets/token)" | tee /dev/stderr
stat -c "%a %u:%g %F" /run/secrets/token
printf "in pieces: correct-horse"; sleep 0.2; echo "-battery-staple"
cat /mnt/files/note; touch /mnt/files/new || echo "read-only"
stat -f -c %T /scratch; df --output=size -B1 /scratch | tail -n 1 | tr -d " "
touch /scratch/x /var/cache/ccache/entry
echo made >/made' \
  "$secret_mount" "$cache_mount" 'kind = "bind"\nfrom = "files"\ntarget = "/mnt/files"' \
  'kind = "tmpfs"\ntarget = "/scratch"\nsize = "8M"'
build_events "$scratch/events" "$scratch/all.toml" --secret "id=token,src=$scratch/token" \
  --output "oci:$scratch/all"
assert_equal "$status" 0
said=$(outputs)
assert_contains "$said" $'said: ***\n'
assert_contains "$said" $'400 0:0 regular file\n'
assert_contains "$said" $'in pieces: ***\n'
assert_contains "$said" $'beside the spec\n'
assert_contains "$said" $'read-only\n'
assert_contains "$said" $'tmpfs\n8388608'
assert_missing "$scratch/files/new"
names=$(layer_names "$scratch/all" | LC_ALL=C sort)
assert_contains "$names" $'\nmade\n'
for stub in run/secrets mnt/files scratch var/cache/ccache; do
  assert_lacks "$names" "$stub"
done
# Nowhere in what stays.
if "$e2e_lib/in-ids" grep -rlF "$secret" "$store" "$scratch/all" "$scratch/events"; then
  fail "the secret is in the files above"
fi
# It is in no key: another one changes nothing.
echo "another-secret-altogether" >"$scratch/token2"
ok gbox plan --json "$scratch/all.toml"
assert_equal "$(jq '[.steps[] | select(.cached | not)] | length' <<<"$out")" 0
echo "changed" >>"$scratch/files/note"
ok gbox plan --json "$scratch/all.toml"
assert_equal "$(jq -r '[.steps[] | select(.cached | not)] | map(.name) | join(" ")' <<<"$out")" step

# --- a cache outlives its step, also one that fails, and is shared ---
mount_spec second 'ls /var/cache/ccache; echo 2 >/var/cache/ccache/two; rm -f /var/cache/ccache/entry; exit 3' \
  "$cache_mount"
build_events "$scratch/events" "$scratch/second.toml" --output "oci:$scratch/second"
assert_equal "$status" 6
assert_equal "$(outputs)" entry
for round in 1 2 3 4 5 6 7 8 9 10; do
  mount_spec "third" "ls /var/cache/ccache; echo $round >/var/cache/ccache/$round" "$cache_mount"
  build_events "$scratch/events" "$scratch/third.toml" --output "oci:$scratch/third"
  assert_equal "$status" 0
done
assert_equal "$(outputs | LC_ALL=C sort | paste -sd' ')" "1 2 3 4 5 6 7 8 9 two"
ok gbox cache ls
assert_contains "$out" "cache:ccache"
ok gbox cache verify
ok gbox cache gc --keep 0
build_events "$scratch/events" "$scratch/third.toml" --output "oci:$scratch/third"
assert_equal "$(outputs)" "" "in a cache that was collected"

# --- a step that keeps a secret fails, and nothing of it stays ---
for deed in 'cp /run/secrets/token /root/.netrc' 'ln -s "/x/$(cat /run/secrets/token)" /link' \
  'cp /run/secrets/token /kept; exit 7'; do
  mount_spec keeps "$deed" "$secret_mount"
  fails 6 gbox build "$scratch/keeps.toml" --secret "id=token,src=$scratch/token" --output "oci:$scratch/keeps"
  assert_lacks "$err" "$secret"
  assert_missing "$scratch/keeps"
  if "$e2e_lib/in-ids" grep -rlF "$secret" "$store"; then fail "the secret is in the files above: $deed"; fi
done
assert_contains "$err" "not kept for 'gbox shell'"

# --- secrets given and wanted must fit, before anything runs ---
fails 2 gbox build "$scratch/all.toml" --output "oci:$scratch/x"
assert_error "all.toml:.*: mount '/run/secrets/token': the secret 'token' is not given" "id=token,src=FILE"
fails 2 gbox build "$scratch/second.toml" --secret "id=tokn,src=$scratch/token" --output "oci:$scratch/x"
assert_error "no phase mounts the secret 'tokn'"
fails 2 gbox build "$scratch/all.toml" --secret "token=$secret" --output "oci:$scratch/x"
assert_error "'--secret'" "id=token,src=FILE"
assert_lacks "$err" "$secret"
TOKEN=$secret fails 4 gbox build "$scratch/all.toml" --secret "id=token,src=$scratch/none" --output "oci:$scratch/x"
assert_error "there is no file '$scratch/none'"

# --- a bind stays within the spec's directory ---
mkdir "$scratch/outside"
echo "sings like a bird" >"$scratch/outside/canary"
mkdir "$scratch/inner"
ln -s ../outside "$scratch/inner/way-out"
ln -s ../outside/canary "$scratch/inner/link"
mkdir "$scratch/inner/directory"
bind() {
  mount_spec bound 'cat /mnt/*' "kind = \"bind\"\\nfrom = \"$1\"\\ntarget = \"/mnt/x\""
  mv "$scratch/bound.toml" "$scratch/inner/bound.toml"
  fails "$2" gbox build "$scratch/inner/bound.toml" --output "oci:$scratch/x"
  assert_lacks "$out$err" "sings like a bird"
}
bind way-out/canary 4
assert_error "bound.toml:.*: mount '/mnt/x': open 'way-out/canary'"
bind link 4
assert_error "neither a file nor a directory" "name what it points to"
bind ../outside/canary 2
assert_error "outside the spec's directory" "copy"
bind "$scratch/outside" 2
bind missing 4
assert_error "it is not there" "directory of the spec"

# --- a shell sees what the phase does; what it writes to a cache is thrown away ---
run_with_input 'ls /mnt/files; ls -A /run/secrets 2>/dev/null; echo x >/var/cache/ccache/from-shell; exit' \
  gbox shell "$scratch/all.toml" step
assert_equal "$status" 0
assert_contains "$out" note
assert_lacks "$out" token
run_with_input 'ls -A /run/secrets; ls /var/cache/ccache' \
  gbox shell "$scratch/all.toml" step --secret "id=token,src=$scratch/token"
assert_contains "$out" token
assert_lacks "$out" from-shell
