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
mount_spec third 'head -c 5M /dev/urandom >/var/cache/ccache/big' "$cache_mount"
ok gbox build "$scratch/third.toml" --output "oci:$scratch/third"
ok gbox cache ls
assert_contains "$out" "cache:ccache"
ok gbox cache verify
# It is a thing of the store like any other: listed, measured, exported, imported, collected.
ok gbox cache du --json
assert_equal "$(jq -r '.biggest[] | select(.kind == "cache") | .name' <<<"$out")" ccache
[[ $(jq '.biggest[] | select(.kind == "cache") | .bytes' <<<"$out") -gt 5242880 ]] || fail "$out"
ok gbox cache export "$scratch/shared" cache:ccache
assert_matches "$out" '; 1 cache \([0-9.]+ MiB\), 0 were there$'
ok gbox cache export "$scratch/shared"
assert_matches "$out" '; 0 caches \(0 B\), 1 were there$'
fails 2 gbox cache export "$scratch/shared" cache:ccahe
assert_error "no cache 'ccahe'" "'ccache'"
facts=$(echo "$scratch"/shared/gbox-caches/*.json) archive=$(echo "$scratch"/shared/gbox-caches/*.tar.zst)
assert_equal "$(find "$scratch/shared" -not -user "$(id -un)")" "" "files of others"
assert_equal "$(sha256sum <"$archive")" "$(jq -r .sha256 "$facts")  -"
assert_equal "$(zstd -qdc "$archive" | tar -t | sed 's,^\./,,' | grep -v '^$' | LC_ALL=C sort | paste -sd' ')" "1 10 2 3 4 5 6 7 8 9 big two"

# What another store begins with, its owner and mode included.
at_root() { mount_spec "$1" "$2" "$cache_mount"'\nowner = "250:250"\nmode = "2775"'; }
without_cache() { "$e2e_lib/in-ids" rm -f "$store/records/$(basename "$facts")"; }
seen() { # OPTION…: what the step sees in its cache where the store has none
  without_cache
  at_root fourth 'stat -c "%u:%g %a" /var/cache/ccache; ls /var/cache/ccache; echo "$RANDOM" >/var/cache/ccache/fourth'
  build_events "$scratch/events" "$scratch/fourth.toml" --from step --output "oci:$scratch/fourth" "$@"
  assert_equal "$status" 0
  outputs | LC_ALL=C sort | paste -sd' '
}
own_store others
at_root fourth true
ok gbox build "$scratch/fourth.toml" --output "oci:$scratch/fourth"
warned() { jq -r 'select(.event == "warning") | .message' "$scratch/events"; }
assert_equal "$(seen --cache-from "dir=$scratch/shared" --cache-to "dir=$scratch/left")" \
  "0:0 755 1 10 2 3 4 5 6 7 8 9 big two"
assert_equal "$(seen --cache-from "dir=$scratch/left")" "0:0 755 1 10 2 3 4 5 6 7 8 9 big fourth two"
assert_equal "$(seen --cache-to "dir=$scratch/own")" "250:250 2775"
assert_equal "$(seen --cache-from "dir=$scratch/own" --cache-to "dir=$scratch/own")" "250:250 2775 fourth"
# One archive for each cache, the newest.
assert_equal "$(find "$scratch/own/gbox-caches" -type f | wc -l)" 2
without_cache
ok gbox cache import "$scratch/own"
assert_matches "$out" '; 1 cache \('
ok gbox cache import "$scratch/own"
assert_matches "$out" '; 0 caches \(0 B\), 1 were there$'
ok gbox cache verify

# What is damaged or hostile there costs a warning, and nothing comes of it.
hostile() { # WORDS [and-build]: with $scratch/bad as it was made
  without_cache
  fails 4 gbox cache import "$scratch/bad"
  assert_contains "$err" "$1"
  assert_error "1 cache was not imported" "warnings"
  ok gbox cache ls
  assert_lacks "$out" "cache:"
  [[ ${2:-} == and-build ]] || return 0
  assert_equal "$(seen --cache-from "dir=$scratch/bad")" "250:250 2775"
  assert_contains "$(warned)" "the cache 'ccache' in '$scratch/bad' is not taken: "
}
bad_copy() { rm -rf "$scratch/bad"; cp -r "$scratch/shared" "$scratch/bad"; bad=$scratch/bad/gbox-caches/${archive##*/} bad_facts=$scratch/bad/gbox-caches/${facts##*/}; }
# as_told FILE: FILE is the archive, and the facts are right.
as_told() {
  local sum
  sum=$(sha256sum <"$1")
  rm "$bad"
  cp "$1" "${bad_facts%.json}.${sum%% *}.tar.zst"
  jq -c --arg sum "${sum%% *}" --argjson size "$(stat -c %s "$1")" '.sha256 = $sum | .size_bytes = $size' \
    "$facts" >"$bad_facts"
}
bad_copy
printf x | dd of="$bad" bs=1 seek=60 conv=notrunc status=none
hostile "cache 'ccache' is not imported" and-build
bad_copy
printf x >>"$bad"
hostile "bytes instead of"
bad_copy
ln -sf "$archive" "$bad"
hostile "a symbolic link is in the way"
bad_copy
jq -c '.id = "../../x"' "$facts" >"$bad_facts"
hostile "'../../x' is no id of a cache" and-build
bad_copy
jq -c '.id = "other"' "$facts" >"$bad_facts"
hostile "it is of the cache 'other'"
bad_copy
rm "$bad"
hostile "it is gone"
for kind in dotdot absolute; do
  bad_copy
  "$e2e_lib/hostile-tar" "$kind" | zstd -q >"$scratch/hostile.tar.zst"
  as_told "$scratch/hostile.tar.zst"
  hostile "cache 'ccache' is not imported"
done

own_store store
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
