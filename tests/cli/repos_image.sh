#!/bin/bash
# Ebuild repositories as an image of their own: equal repositories give an equal image, wherever
# they lie; an image without them works with them again under 'gbox run --with-repos'; and nothing
# else of such an image, nor of this machine, is ever shown.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly usage=2 input=4 image=7
e2e_limit=120
own_store store # whose layers are looked at

# Two repositories: the stand-in's, and one beside it with what a checkout has besides.
extra=$scratch/extra
mkdir -p "$extra"/{profiles,metadata/md5-cache/app-extra,app-extra/thing,.git/objects,distfiles}
echo extra >"$extra/profiles/repo_name"
echo app-extra >"$extra/profiles/categories"
printf 'masters = standin\nthin-manifests = true\n' >"$extra/metadata/layout.conf"
printf 'EAPI=8\nDESCRIPTION="thing"\nHOMEPAGE="https://example.org"\nSLOT=0\nKEYWORDS="amd64"\nS=${WORKDIR}\n' \
  >"$extra/app-extra/thing/thing-1.ebuild"
echo 'not for everybody' >"$extra/.git/objects/secret"
echo 'not for everybody' >"$extra/distfiles/archive.tar"
chmod 0600 "$extra/profiles/repo_name"
ln "$extra/profiles/repo_name" "$extra/profiles/linked"
ln -s repo_name "$extra/profiles/link"

write_spec() { # FILE PATH-OF-EXTRA
  {
    standin_head
    cat <<TOML
[repos.extra]
path = "$2"
priority = -10
[[phase]]
name = "mark"
run = "echo made > /mark"
[[phase]]
name = "more"
run = "true"
TOML
  } >"$1"
}
write_spec "$scratch/stage4.toml" "$extra"
layout=$scratch/repos
repos=oci:$layout

# --- written beside the image, its line behind the image's
ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image" \
  --repos-output "$repos:2026" --repos-output "oci-archive:$scratch/repos.tar"
assert_equal "$(wc -l <<<"$out")" 3 "lines of results"
digest=$(jq -r '.manifests[0].digest' "$layout/index.json")
assert_equal "$(sed -n 2,3p <<<"$out")" \
  "$repos:2026 $digest"$'\n'"oci-archive:$scratch/repos.tar $digest"

tools_agree() {
  ok skopeo inspect "$repos:2026"
  assert_equal "$(jq -r .Digest <<<"$out")" "$digest"
  assert_equal "$(jq '.Layers | length' <<<"$out")" 2 "a layer a repository"
  assert_matches "$(jq -r '.Labels["gbox.repository.extra"]' <<<"$out")" "^content sha256:[0-9a-f]{64}\$"
  ok skopeo inspect --config "oci-archive:$scratch/repos.tar"
  assert_equal "$(jq -c '.config | [.Entrypoint, .Cmd, .Volumes]' <<<"$out")" \
    '[null,null,{"/var/db/repos/extra":{},"/var/db/repos/standin":{}}]'
  ok skopeo inspect --config "oci:$scratch/image"
  local architecture
  architecture=$(jq -r .architecture <<<"$out")
  ok skopeo inspect --config "$repos"
  assert_equal "$(jq -r .architecture <<<"$out")" "$architecture"
  ok umoci unpack --rootless --image "$layout:2026" bundle
  diff -r --no-dereference --exclude=.git --exclude=distfiles "$extra" \
    bundle/rootfs/var/db/repos/extra || fail "umoci unpacks another repository"
  diff -r --no-dereference "$(standin_repo)" bundle/rootfs/var/db/repos/standin ||
    fail "umoci unpacks another repository"
}
check "tools that are not ours agree on digest and content" tools_agree

contents() {
  local name digest listing
  digest=$(jq -r '.layers[0].digest' "$(image_manifest "$layout")")
  listing=$(tar --list --verbose --numeric-owner --gzip --file "$(image_blob "$layout" "$digest")")
  name=$(awk '{ print $6 }' <<<"$listing" | head -n 5 | tr '\n' ' ')
  assert_equal "$name" "var/ var/db/ var/db/repos/ var/db/repos/extra/ var/db/repos/extra/app-extra/ "
  assert_equal "$(awk '$2 != "0/0"' <<<"$listing")" "" "owners"
  assert_equal "$(awk '{ print $1 }' <<<"$listing" | sort -u | tr '\n' ' ')" \
    "-rw-r--r-- drwxr-xr-x lrwxrwxrwx " "modes and kinds"
  assert_equal "$(awk '{ print $4 }' <<<"$listing" | sort -u | wc -l)" 1 "times"
  assert_lacks "$listing" secret
  assert_lacks "$listing" distfiles
}
check "root owns all of it, all may read it, and a checkout's own is left out" contents

# --- the same again
packed() { find "$store/layers" -type f -printf '%P %i\n' | LC_ALL=C sort; } # packed again is another file
unchanged() {
  local before
  before=$(packed)
  [[ $(wc -l <<<"$before") -ge 4 ]] || fail "too few layers are kept: $before"
  ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image" --repos-output "oci:again"
  assert_equal "$(jq -r '.manifests[0].digest' again/index.json)" "$digest"
  assert_equal "$(packed)" "$before"
}
check "the same digest, from layers that are packed already" unchanged

elsewhere() {
  own_store other
  cp -r "$extra" copy
  chmod 0644 copy/profiles/repo_name
  find copy -exec touch -h -d 2001-02-03 {} +
  write_spec stage4.toml "$PWD/copy"
  ok gbox build stage4.toml --output oci:image --repos-output "oci-archive:repos.tar:2026" --until mark
  assert_equal "$out" "oci-archive:repos.tar:2026 $digest"
  # Of another content, only its own layer is another one.
  echo '# changed' >>copy/profiles/categories
  ok gbox build stage4.toml --output oci:image --repos-output oci:changed
  local before after
  before=$(jq -r '.layers[].digest' "$(image_manifest "$layout")")
  after=$(jq -r '.layers[].digest' "$(image_manifest changed)")
  assert_equal "$(sed -n 2p <<<"$before")" "$(sed -n 2p <<<"$after")" "the layer of the other one"
  [[ $(sed -n 1p <<<"$before") != "$(sed -n 1p <<<"$after")" ]] || fail "the same layer for both"
}
check "the same digest from another store, path, mode and time, also without the image" elsewhere

epoch() {
  ok env SOURCE_DATE_EPOCH=86400 "$GBOX" build "$scratch/stage4.toml" --output oci:image \
    --repos-output oci:repos
  assert_equal "$(tar --list --verbose --utc --gzip --file "$(image_blob repos \
    "$(jq -r '.layers[0].digest' "$(image_manifest repos)")")" | awk '{ print $4 }' | sort -u)" 1970-01-02
  ok skopeo inspect oci:repos
  assert_equal "$(jq -r .Created <<<"$out")" 1970-01-02T00:00:00Z
}
check "SOURCE_DATE_EPOCH is the latest time in it" epoch

commits() {
  cp -r "$extra" origin
  rm -rf origin/.git
  local git=(git -C origin -c user.name=x -c user.email=x@example.org -c init.defaultBranch=main)
  "${git[@]}" init -q
  "${git[@]}" add --all --force
  GIT_COMMITTER_DATE=2004-05-06T07:08:09Z "${git[@]}" commit -q -m all
  write_spec stage4.toml "$PWD/origin"
  sed -i "s|^path = \"$PWD/origin\"|git = \"$PWD/origin\"|" stage4.toml
  local each digests=
  for each in one two; do
    own_store "commits-$each"
    ok gbox build stage4.toml --until mark --repos-output "oci:$each"
    digests+=" ${out##* }"
    # Whatever the first needed is there: nothing is fetched or opened again.
    mv origin away
    ok gbox build stage4.toml --until mark --offline --repos-output "oci:again-$each"
    digests+=" ${out##* }"
    mv away origin
  done
  assert_equal "$(tr ' ' '\n' <<<"${digests# }" | sort -u | wc -l)" 1 "digests"
  ok skopeo inspect oci:one
  assert_equal "$(jq -r '.Labels["gbox.repository.extra"]' <<<"$out")" \
    "commit $("${git[@]}" rev-parse HEAD)"
  assert_equal "$(jq -r .Created <<<"$out")" 2004-05-06T07:08:09Z
  assert_equal "$(tar --list --verbose --utc --gzip --file "$(image_blob one \
    "$(jq -r '.layers[0].digest' "$(image_manifest one)")")" | awk '{ print $4 }' | sort -u)" 2004-05-06
}
check "of a commit, the same image from two stores, with the commit's time" commits

# --- used
used() {
  fails 1 gbox run "oci:$scratch/image" -- test -e /var/db/repos/standin/profiles
  local source
  for source in "$repos" "oci-archive:$scratch/repos.tar"; do
    ok gbox run "oci:$scratch/image" --with-repos "$source" \
      emerge --pretend --nodeps --color=n app-demo/hello app-extra/thing
    assert_matches "$out" "\[ebuild +N +\] app-demo/hello-[0-9]"
    assert_matches "$out" "\[ebuild +N +\] app-extra/thing-1"
  done
  local key
  key=$(key_of "${test_name//_/-}" mark)
  ok gbox run --with-repos "$repos" "$key" -- sh -c 'cat /mark /var/db/repos/extra/profiles/repo_name'
  assert_equal "$out" $'made\nextra'
}
check "emerge finds its repositories again" used

read_only() {
  fails 1 gbox run "oci:$scratch/image" --with-repos "$repos" -- \
    sh -c 'touch /var/db/repos/standin/new || exit 1'
  assert_contains "$err" "Read-only file system"
  fails 1 gbox run "oci:$scratch/image" --with-repos "$repos" -- \
    sh -c 'umount /var/db/repos/standin || mount -o remount,rw /var/db/repos/standin || exit 1'
  ok gbox run "oci:$scratch/image" --with-repos "$repos" -- sh -c 'touch /var/db/repos/beside'
}
check "they cannot be written to, and not be uncovered" read_only

# --- refused, early
refused() { # STATUS ERROR HINT ARGUMENT…
  local wanted=$1 error=$2 hint=$3
  shift 3
  own_store none
  fails "$wanted" gbox "$@"
  assert_error "$error" "$hint"
  assert_missing "$store"
}
check "the place of the image" refused $usage \
  "'--repos-output oci:out' and the output 'oci:\./out' are the same place" "a path of its own" \
  build "$scratch/stage4.toml" --output oci:./out --repos-output oci:out
check "the default place of the image" refused $usage "are the same place" "a path of its own" \
  build "$scratch/stage4.toml" --repos-output oci:repos-image
check "a place within another one" refused $usage "are the same place" "a path of its own" \
  build "$scratch/stage4.toml" --output oci:a --repos-output oci:b --repos-output oci-archive:./b
check "a target without a transport" refused $usage "output 'out': no transport" "oci:out" \
  build "$scratch/stage4.toml" --repos-output out
in_use() {
  mkdir out && touch out/data
  refused $image "write layout 'out': the directory is not empty" "use a path" \
    build "$scratch/stage4.toml" --output oci:image --repos-output oci:out
}
check "a place with something else in it" in_use
# Where no image is written, what lies there is no matter; the other image is written all the same.
without_image() {
  mkdir repos-image busy && touch {repos-image,busy}/data
  ok gbox build "$scratch/stage4.toml" --until mark
  ok gbox build "$scratch/stage4.toml" --until mark --output oci:busy --repos-output oci:out
  assert_equal "$out" "oci:out $digest"
  assert_equal "$(ls repos-image busy)" $'busy:\ndata\n\nrepos-image:\ndata'
  refused $image "write layout '.*busy': the directory is not empty" "use a path" \
    build "$scratch/stage4.toml" --until mark --repos-output oci:busy
  refused $image "write layout 'repos-image': the directory is not empty" "use a path" \
    build "$scratch/stage4.toml" --until more
  refused $usage "output 'out': no transport" "oci:out" \
    build "$scratch/stage4.toml" --until mark --output out
}
check "a build without an image, beside directories of its name" without_image
no_repository() {
  printf 'name = "none"\n[base]\ntarball = "%s"\n[[phase]]\nname = "p"\nrun = "true"\n' \
    "$(stage3)" >none.toml
  refused $usage "'--repos-output': .* names no ebuild repository" "\[repos\.NAME\]" \
    build none.toml --repos-output oci:out
}
check "a spec without repositories" no_repository

# --- an image that is none, or not what it seems
without() { # IMAGE ERROR HINT
  fails $input gbox run "oci:$scratch/image" --with-repos "$1" -- cat /var/db/repos/x/shadow
  assert_error "'--with-repos $1': $2" "$3"
  assert_equal "$out" ""
}
check "an image without repositories" without "oci:$scratch/image" \
  "it holds no ebuild repositories: '/var/db/repos' is " "gbox build --repos-output"
check "no image at all" without "oci:$scratch/absent" "open image .*" "."
no_transport() {
  fails $usage gbox run "oci:$scratch/image" --with-repos "$layout" -- true
  assert_error "image '[^']*': no transport" "'oci:"
}
check "a directory without a transport" no_transport

hostile() { # ERROR HINT COMMAND
  mkdir -p root/etc root/var
  echo secret >root/etc/shadow
  (cd root && bash -ec "$3")
  ok umoci init --layout evil
  ok umoci new --image evil:1
  tar --owner=0 --group=0 --numeric-owner -C root -cf layer.tar .
  ok umoci raw add-layer --image evil:1 layer.tar
  ok umoci gc --layout evil
  without "oci:evil" "$1" "$2"
}
links='symbolic links are not followed|Too many levels of symbolic links|symbolic link'
check "a link in the place of a repository" hostile "'/var/db/repos/x' is a symbolic link" "directory" \
  'mkdir -p var/db/repos; ln -s /etc var/db/repos/x'
check "a relative link in the place of a repository" hostile "'/var/db/repos/x' is a symbolic link" \
  "directory" 'mkdir -p var/db/repos; ln -s ../../../etc var/db/repos/x'
check "a link in the place of all repositories" hostile ".*($links)" "must be directories" \
  'mkdir -p var/db x; ln -s /etc var/db/repos'
check "a link on the way to them" hostile ".*($links)" "must be directories" \
  'mkdir -p etc/repos/x; cp etc/shadow etc/repos/x; ln -s ../etc var/db'
check "a link to this machine's" hostile ".*($links)" "must be directories" 'ln -s /proc/1/root/etc var/db'
check "a file in the place of a repository" hostile "'/var/db/repos/x' is not a directory" "directory" \
  'mkdir -p var/db/repos; echo x > var/db/repos/x'
check "a file in the place of all repositories" hostile "it holds no ebuild repositories" "repos-output" \
  'mkdir -p var/db; echo x > var/db/repos'
check "an empty directory" hostile "it holds no ebuild repositories: '/var/db/repos' is empty" "repos-output" \
  'mkdir -p var/db/repos'

check_finish
