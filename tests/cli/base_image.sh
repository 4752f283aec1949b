#!/bin/bash
# An image as the base of another: from a layout, an archive and a registry. Its layers, history and
# configuration stay as they are, what it hides stays hidden, and one in a registry is locked by its
# digest.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/registries.sh"
own_store store

input_error=4 usage_error=2
cd "$scratch"
digest_of() { jq -r '.manifests[0].digest' "$1/index.json"; }
layers_of() { jq -r '.layers[].digest' "$(image_manifest "$1")"; }
config_of() { image_blob "$1" "$(jq -r .config.digest "$(image_manifest "$1")")"; }

"$e2e_lib/hostile-tar" plain >plain.tar
echo of-the-base >given
cat >lower.toml <<'TOML'
name = "lower"
[base]
tarball = "plain.tar"
[[phase]]
name = "add"
copy = [{from = "given", to = "/given"}, {from = "given", to = "/hidden"}]
[[phase]]
name = "hide"
remove = ["/hidden"]
[output.config]
env = { KEPT = "base", CHANGED = "base" }
entrypoint = ["/bin/sh", "-c"]
cmd = ["true"]
labels = { "org.example.base" = "yes" }
[output.check]
allow = ["/usr/bin/sh", "/usr/bin/bash", "/lib64/ld-linux-x86-64.so.2"]
TOML
ok gbox build lower.toml -o oci:lower
lower=$(digest_of lower)

upper_spec() { # FILE IMAGE
  cat >"$1" <<TOML
name = "upper"
[base]
image = "$2"
[[phase]]
name = "more"
copy = [{from = "given", to = "/more"}]
[output.config]
env = { CHANGED = "spec" }
cmd = ["/bin/sh"]
[output.check]
allow = ["/usr/bin/sh", "/usr/bin/bash", "/lib64/ld-linux-x86-64.so.2"]
TOML
}

stacked() { # LAYOUT: what is true of every image upon the lower one
  mapfile -t below < <(layers_of lower)
  mapfile -t all < <(layers_of "$1")
  assert_equal "${#all[@]}" $((${#below[@]} + 1)) "layers"
  for ((i = 0; i < ${#below[@]}; i++)); do assert_equal "${all[i]}" "${below[i]}"; done
  assert_equal "$(jq -c '.config | [.Env, .Entrypoint, .Cmd, .Labels."org.example.base"]' "$(config_of "$1")")" \
    '[["KEPT=base","CHANGED=spec"],["/bin/sh","-c"],["/bin/sh"],"yes"]'
  assert_equal "$(jq -c '.annotations | with_entries(select(.key | startswith("org.opencontainers.image.base.")))' \
    "$(image_manifest "$1")")" "${2:-"{\"org.opencontainers.image.base.digest\":\"$lower\"}"}"
  assert_equal "$(jq -c ".history[:$(jq '.history | length' "$(config_of lower)")]" "$(config_of "$1")")" \
    "$(jq -c .history "$(config_of lower)")"
}

from_layout() {
  upper_spec upper.toml oci:lower
  ok gbox build upper.toml -o oci:upper -o oci-archive:upper.tar
  stacked upper
  [[ $(skopeo inspect --format '{{.Digest}}' oci-archive:upper.tar) == "$(digest_of upper)" ]] ||
    fail "the archive is another image"
  # What a layer of the base hides is not there for those who build upon it.
  { ls && umoci unpack --rootless --image upper:latest bundle; } >/dev/null
  [[ -f bundle/rootfs/given && -f bundle/rootfs/more && ! -e bundle/rootfs/hidden ]] ||
    fail "not the files of both"
  # Nothing to do the second time, and the same image.
  first=$(digest_of upper)
  ok gbox build upper.toml -o oci:again
  assert_equal "$(digest_of again)" "$first"
  assert_missing upper.lock
}
from_layout
say "from a layout: ok"

# What is inherited is checked as well, with the place that it comes from.
sed -n '/^\[\[phase/q; p' upper.toml >lost.toml
cat >>lost.toml <<'TOML'
[[phase]]
name = "lose"
remove = ["/usr/bin/sh"]
TOML
fails 7 gbox build lost.toml -o oci:lost
assert_error "lost.toml:3:9: check image: 'entrypoint' of the base's image, '/bin/sh' does not exist" \
  "set 'entrypoint' in \[output.config\]: phase 'lose' took it out"

# One merged layer holds the files of both.
sed 's/^name = "upper"/name = "single"/; s/^\[output.config\]/[output]\nlayers = "single"\n&/' upper.toml >single.toml
ok gbox build single.toml -o oci:single
assert_equal "$(layers_of single | wc -l)" 1
names=$(layer_names single)
assert_contains "$names" given
assert_contains "$names" more
assert_lacks "$names" hidden

# From an archive, with an offset of each blob.
ok gbox build lower.toml -o oci-archive:lower.tar
upper_spec archived.toml oci-archive:lower.tar
sed -i 's/"upper"/"archived"/' archived.toml
ok gbox build archived.toml -o oci:archived
stacked archived

# From a registry: locked by digest, and had without a network from then on.
registry_start main
registry_login "$registry"
ok gbox push oci:lower "docker://$registry/team/lower:1" --ca "$registry_ca"
upper_spec remote.toml "docker://$registry/team/lower:1"
sed -i 's/"upper"/"remote"/' remote.toml
fails $usage_error gbox build --locked remote.toml -o oci:remote --ca "$registry_ca"
assert_error "the lock has no base" "gbox lock"
ok gbox build remote.toml -o oci:remote --ca "$registry_ca"
named="{\"org.opencontainers.image.base.digest\":\"$lower\",\"org.opencontainers.image.base.name\":\"$registry/team/lower:1\"}"
stacked remote "$named"
assert_contains "$(<remote.lock)" "docker://$registry/team/lower@$lower"
# The tag moves, the lock does not.
printf 'other\n' >given
ok gbox build lower.toml -o oci:moved
ok gbox push oci:moved "docker://$registry/team/lower:1" --ca "$registry_ca"
printf 'of-the-base\n' >given
own_store another
ok gbox build --locked remote.toml -o oci:remote2 --ca "$registry_ca"
stacked remote2 "$named"
ok gbox build --locked --offline remote.toml -o oci:remote3
stacked remote3 "$named"
ok gbox lock remote.toml --update base --ca "$registry_ca"
assert_contains "$(<remote.lock)" "$(digest_of moved)"
ok gbox build remote.toml -o oci:remote4 --ca "$registry_ca"
assert_contains "$(layers_of remote4)" "$(layers_of moved | sed -n 2p)"

# Something is run in one that nothing here has fetched, and then in one that is here.
run_in_registry() {
  local image=docker://$registry/team/runs
  printf '%s\n' '#include <stdio.h>' 'int main(int n, char **arguments) {' \
    '  char text[64] = ""; FILE *file = fopen("/given", "r");' \
    '  return file && fgets(text, 64, file) ? printf("%s: %s", arguments[n - 1], text), 7 : 1;' '}' |
    cc -static -x c - -o says
  sed 's/^name = "lower"/name = "runs"/; s/^cmd = .*/cmd = ["\/says from-config"]/
    s/^copy = .*/copy = [{from = "given", to = "\/given"}, {from = "says", to = "\/says"},\
      {from = "given", to = "\/hidden"}]/; s/^\(entrypoint = \).*/\1["\/says"]/' lower.toml >runs.toml
  ok gbox build runs.toml -o oci:runs
  ok gbox push oci:runs "$image:1" --ca "$registry_ca"
  own_store runner
  blobs() { grep -c '"GET /v2/team/runs/blobs/' main.log || true; }
  local first=$(($(blobs)))
  fails 7 gbox run --ca "$registry_ca" "$image:1" /says hello
  assert_equal "$out" "hello: of-the-base"
  assert_contains "$err" "$image:1@$(digest_of runs)"
  assert_equal "$(($(blobs) - first))" "$((2 + $(layers_of runs | wc -l)))" "blobs"
  first=$(blobs)
  fails 7 gbox run --ca "$registry_ca" "$image@$(digest_of runs)"
  assert_equal "$out" "/says from-config: of-the-base"
  assert_equal "$(($(blobs) - first))" 1 "the configuration alone"
  # The tag is asked for each time.
  printf 'moved\n' >given
  ok gbox build runs.toml -o oci:runs
  ok gbox push oci:runs "$image:1" --ca "$registry_ca"
  printf 'of-the-base\n' >given
  fails 7 gbox run --ca "$registry_ca" "$image:1" /says hello
  assert_equal "$out" "hello: moved"
  fails $input_error gbox run --ca "$registry_ca" "$image:2" /says
  assert_error "there is no '2'"
  fails $usage_error gbox run docker://runs:1 /says
  assert_error "run: .*no registry's host"
  assert_equal "$("$e2e_lib/in-ids" ls -A "$store/incoming")" "" "left behind"
}
run_in_registry
say "run in an image of a registry: ok"

# What cannot be had, or is not what was locked.
own_store empty
fails $input_error gbox build --offline remote.toml -o oci:none
assert_error "'--offline'" "gbox fetch"
sed -i "s/^sha256 = .*/sha256 = \"$(printf '0%.0s' {1..64})\"/" remote.lock
fails $input_error gbox build remote.toml -o oci:none --ca "$registry_ca"
assert_error "the lock says 'sha256:0000" "gbox lock"
upper_spec bad.toml "docker://php:8"
fails $usage_error gbox build bad.toml -o oci:none
assert_error "bad.toml:3:9: .*no registry's host" "registry.example.org"
cp -r lower damaged
printf x | dd of="$(image_blob damaged "$(layers_of lower | head -1)")" bs=1 seek=200 conv=notrunc status=none
upper_spec bad.toml oci:damaged
sed -i 's/"upper"/"bad"/' bad.toml
fails $input_error gbox build bad.toml -o oci:none
assert_error "layer"
assert_missing none
