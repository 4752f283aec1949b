#!/bin/bash
# Images to and from a registry: a real one with TLS and passwords, ways there that are cut, disks
# that are full, and one that lies. What arrives is what was sent, only what is missing is moved,
# and an error names host, repository and remedy.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/registries.sh"

input_error=4 image_error=7 usage_error=2
layout() { python3 "$e2e_lib/layout.py" "$@"; }
digest_of() { jq -r '.manifests[0].digest' "$1/index.json"; }
# Files of two layouts but for index.json, which has the names.
same_blobs() { diff -r "$1/blobs" "$2/blobs" >/dev/null || fail "$1 and $2 hold other blobs"; }

cd "$scratch"
registry_start main
main=$registry
registry_login "$main"
layout image --layer "a:1000" --layer "b:9000000" --layer "c:5000000"
digest=$(digest_of image)
trust=(--ca "$registry_ca")

push_and_pull() {
  ok gbox push oci:"$scratch/image" "docker://$main/team/php:8.3" "docker://$main/team/php:8" \
    "docker://$main/copy/php:8.3" "${trust[@]}"
  assert_equal "$out" "docker://$main/team/php:8.3 $digest
docker://$main/team/php:8 $digest
docker://$main/copy/php:8.3 $digest"
  assert_contains "$err" "4 blobs sent"
  assert_contains "$err" "4 taken over there" # of the same registry: not sent twice
  registry=$main
  assert_equal "$(api team/php/tags/list | jq -c '.tags | sort')" '["8","8.3"]'
  ok gbox push oci:"$scratch/image" "docker://$main/team/php:8.3" "${trust[@]}"
  assert_contains "$err" "0 blobs sent (0 B), 4 were there"
  ok gbox pull "docker://$main/team/php:8.3" oci:back "${trust[@]}"
  assert_equal "$out" "oci:back $digest"
  same_blobs back "$scratch/image"
  ok gbox pull "docker://$main/copy/php@$digest" oci-archive:back.tar:php "${trust[@]}"
  [[ $(skopeo inspect --format '{{.Digest}}' oci-archive:back.tar:php) == "$digest" ]] ||
    fail "skopeo sees another image in the archive"
  # skopeo agrees with what is in the registry.
  ok skopeo inspect --cert-dir "$scratch/certs" --format '{{.Digest}}' "docker://$main/team/php:8"
  assert_equal "$out" "$digest"
}
mkdir certs && cp "$registry_ca" certs/ca.crt
check "an image goes there and comes back, and nothing is sent twice" push_and_pull

only_missing() {
  cp -r "$scratch/image" old
  layout new --layer "a:1000" --layer "b:9000000" --layer "d:2000"
  ok gbox push oci:new "docker://$main/team/php:8.4" "${trust[@]}"
  assert_contains "$err" "2 blobs sent"
  assert_contains "$err" "2 were there"
  ok gbox pull "docker://$main/team/php:8.3" oci:here:php "${trust[@]}"
  ok gbox pull "docker://$main/team/php:8.4" oci:here:php "${trust[@]}"
  assert_contains "$err" "1 blob fetched"
  assert_contains "$err" "2 were there"
  same_blobs here new
  assert_missing here.pull
  # What is damaged in the target is fetched anew.
  truncate -s 5 "$(find here/blobs -size +8M)"
  ok gbox pull "docker://$main/team/php:8.4" oci:here:php "${trust[@]}"
  same_blobs here new
  # A layout is not made to hold two images, which podman and skopeo refuse.
  fails $image_error gbox pull "docker://$main/team/php:8.4" oci:here "${trust[@]}"
  assert_error "it already holds 'php'" "'--append' and read it as 'oci:here:8.4'"
  # When asked to, it is, and they take either by its name.
  ok gbox pull --append "docker://$main/copy/php:8.3" oci:here "${trust[@]}"
  assert_equal "$(skopeo inspect --format '{{.Digest}}' oci:here:php)" "$(digest_of new)"
  assert_equal "$(skopeo inspect --format '{{.Digest}}' oci:here:8.3)" "$digest"
  ok gbox image verify oci:here
}
check "only missing layers are moved, both ways" only_missing

platforms() {
  layout arm --arch arm64 --layer "arm:3000"
  layout amd --layer "amd:3000"
  ok gbox push oci:arm oci:amd "docker://$main/team/multi:1" "${trust[@]}"
  index=${out##* }
  ok skopeo inspect --raw --cert-dir "$scratch/certs" "docker://$main/team/multi:1"
  assert_equal "$(jq -c '[.manifests[].platform.architecture]' <<<"$out")" '["amd64","arm64"]'
  ok gbox pull --platform linux/arm64 "docker://$main/team/multi:1" oci:one "${trust[@]}"
  assert_equal "$(digest_of one)" "$(digest_of arm)"
  ok gbox pull --all "docker://$main/team/multi:1" oci:all "${trust[@]}"
  assert_equal "$(digest_of all)" "$index"
  ok gbox push oci:all "docker://$main/team/again:1" "${trust[@]}"
  assert_contains "$out" "$index"
  fails $input_error gbox pull --platform linux/s390x "docker://$main/team/multi:1" oci:x "${trust[@]}"
  assert_error "not for 'linux/s390x', only for 'linux/amd64' and 'linux/arm64'" "platform"
  fails $usage_error gbox push oci:arm oci:"$scratch/image" oci:amd "docker://$main/x:1" "${trust[@]}"
  assert_error "two of the sources are for 'linux/amd64'" "tags of their own"
}
check "images for several platforms become one index" platforms

referrers() {
  layout about --layer "a:1000" --about application/spdx+json --about application/vnd.in-toto+json
  ok gbox push oci:about "docker://$main/team/about:1" "${trust[@]}"
  assert_contains "$err" "2 documents about it"
  # This registry has no API of referrers: the tag that stands for it names both.
  image=$(jq -r '.manifests[0].digest' "$(image_blob about "$(digest_of about)")")
  registry=$main
  assert_equal "$(api "team/about/manifests/${image/:/-}" \
    -H 'Accept: application/vnd.oci.image.index.v1+json' | jq -c '[.manifests[].artifactType] | length')" 2
  ok skopeo copy --src-cert-dir "$scratch/certs" "docker://$main/team/about:1" oci:plain:x
  # Once more changes nothing: each is there once.
  ok gbox push oci:about "docker://$main/team/about:2" "${trust[@]}"
  assert_equal "$(api "team/about/manifests/${image/:/-}" \
    -H 'Accept: application/vnd.oci.image.index.v1+json' | jq -c '[.manifests[].artifactType] | sort')" \
    '["application/spdx+json","application/vnd.in-toto+json"]'
}
check "what is about an image goes with it" referrers

cut_ways() {
  cut_start "$main" 3000000 2
  registry_login "$cut"
  ok gbox push oci:"$scratch/image" "docker://$cut/cut/image:1" "${trust[@]}"
  assert_contains "$err" "was cut after"
  cut_start "$main" 3000000 2
  registry_login "$cut"
  ok gbox pull "docker://$cut/cut/image:1" oci:back "${trust[@]}"
  assert_contains "$err" "was cut after"
  same_blobs back "$scratch/image"
  # Cut for good: what came stays, and the next run goes on from there.
  cut_start "$main" 3000000 1000
  registry_login "$cut"
  ok gbox pull "docker://$cut/team/php:8.3" oci:goes-on "${trust[@]}"
  same_blobs goes-on "$scratch/image"
}
check "connections that are cut cost what was on its way, not more" cut_ways

resumed() {
  local kept all
  all=$(find "$scratch/image/blobs" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
  # The way there is gone in the middle of a layer, for good.
  cut_start "$main" 3000000 1 --for-good
  registry_login "$cut"
  fails $input_error gbox pull "docker://$cut/team/php:8.3" oci:later "${trust[@]}"
  assert_error "$cut/team/php: fetch blob 'sha256:"
  assert_missing later
  kept=$(find later.pull -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
  [[ $kept -ge 2900000 && $kept -lt $all ]] || fail "$kept bytes of $all were kept"
  # Another process, another way: it asks for the rest alone, as what went over the wire says.
  cut_start "$main" 1000000000 0
  registry_login "$cut"
  ok gbox pull "docker://$cut/team/php:8.3" oci:later "${trust[@]}"
  same_blobs later "$scratch/image"
  assert_missing later.pull
  [[ $(cut_told down) -lt $((all - kept + 200000)) ]] ||
    fail "$(cut_told down) bytes came, $kept of $all were there"
  registry_login "$main"
  # A part that is of another file is found out.
  mkdir spoilt.pull
  head -c 1000000 /dev/zero >"spoilt.pull/$(basename "$(find "$scratch/image/blobs" -size +8M)")"
  ok gbox pull "docker://$main/team/php:8.3" oci:spoilt "${trust[@]}"
  same_blobs spoilt "$scratch/image"
}
check "a pull goes on where another stopped" resumed

passwords() {
  registry_logout
  fails $input_error gbox pull "docker://$main/team/php:8.3" oci:x "${trust[@]}"
  assert_error "$main/team/php: .*401" "'podman login $main' or 'skopeo login $main'"
  assert_error "" "$REGISTRY_AUTH_FILE"
  registry_login "$main" writer wrong
  fails $image_error gbox push oci:"$scratch/image" "docker://$main/team/php:9" "${trust[@]}"
  assert_error "$main/team/php: .*401" "are not taken"
  assert_lacks "$err" wrong
  registry_login elsewhere.example.org
  fails $input_error gbox pull "docker://$main/team/php:8.3" oci:x "${trust[@]}"
  assert_error 401 "keeps a password"
  printf '{' >"$REGISTRY_AUTH_FILE"
  fails $usage_error gbox pull "docker://$main/team/php:8.3" oci:x "${trust[@]}"
  assert_error "auth.json': it is not JSON" "writes it anew"
  registry_login "$main"
  fails $input_error gbox pull "docker://$main/team/php:8.3" oci:x
  assert_error "issued by 'the tests authority', which is not trusted" "'--ca FILE'"
  fails $input_error gbox pull "docker://$main/team/php:none" oci:x "${trust[@]}"
  assert_error "there is no 'none'" "list-tags"
  fails $input_error gbox pull "docker://127.0.0.1:1/team/php:none" oci:x "${trust[@]}"
  assert_error "connect '127.0.0.1:1': Connection refused"
  assert_missing x
}
check "who may not, and where nobody answers" passwords
registry_login "$main"

# --- a registry that lies ---
liar=127.0.0.1:$(_free_port)
elsewhere=127.0.0.1:$(_free_port)
python3 "$e2e_lib/liar.py" "$liar" image liar.log "$elsewhere" >liar.err 2>&1 &
e2e_background+=("$!")
python3 "$e2e_lib/liar.py" "$elsewhere" image elsewhere.log >elsewhere.err 2>&1 &
e2e_background+=("$!")
_wait_for_port "$liar" liar.err
_wait_for_port "$elsewhere" elsewhere.err

lies() {
  registry_login "$liar"
  ok gbox pull "docker://$liar/honest:1" oci:honest
  same_blobs honest "$scratch/image"
  lie() { # REPOSITORY ERROR HINT
    fails $input_error gbox pull "docker://$liar/$1:1" "oci:$1"
    assert_error "${@:2}"
    assert_missing "$1"
  }
  lie flip "what it sends has the digest 'sha256:" "damaged or was tampered with"
  lie short "it ends after [0-9]* of [0-9]* bytes" "run again"
  lie longer "sends more than the [0-9]* bytes" "not to be relied on"
  lie huge "larger than 4.0 MiB"
  lie type "'text/html'"
  lie loop "more than 5 redirects" "set up wrongly"
  lie evil "which is no https URL" "set up wrongly"
  lie broken "500 .UNKNOWN, it broke." "run again later"
  fails $input_error gbox pull "docker://$liar/other@$digest" oci:other
  assert_error "what it sends has the digest" "gives another image"
  ok gbox pull "docker://$liar/busy:1" oci:busy
  assert_contains "$err" "it answers 429; trying again"
  ok gbox pull "docker://$liar/docker:1" oci:docker
  assert_contains "$err" "docker's own types"
  ok skopeo inspect oci:docker
}
check "what a registry sends is believed as far as digests go" lies

tokens() {
  registry_login "$liar"
  ok gbox pull "docker://$liar/token:1" oci:token
  same_blobs token "$scratch/image"
  registry_login "$liar" writer wrong
  fails $input_error gbox pull "docker://$liar/token:1" oci:none
  assert_error "ask 'http://$liar/token' for a token: 401 .UNAUTHORIZED, wrong password" "are not taken"
  registry_login "$liar"
  # Where a redirect leads, nobody is told who we are.
  : >"$scratch/elsewhere.log"
  ok gbox pull "docker://$liar/away:1" oci:away
  same_blobs away "$scratch/image"
  [[ -s $scratch/elsewhere.log ]] || fail "the redirect was not followed"
  assert_equal "$(jq -r .authorization "$scratch/elsewhere.log" | sort -u)" null
}
check "a token is asked for with the password, which goes nowhere else" tokens

uploads() {
  registry_login "$liar"
  fails $image_error gbox push oci:"$scratch/image" "docker://$liar/size:1"
  assert_error "says that this blob has [0-9]* bytes instead of" "damaged"
  fails $image_error gbox push oci:"$scratch/image" "docker://$liar/full:1"
  assert_error "507" "disk is full"
  : >"$scratch/liar.log"
  ok gbox push oci:"$scratch/image" "docker://$liar/small:1"
  assert_equal "$(jq -s '[.[] | select(.method == "PATCH" and .range != null) | .bytes] | max <= 1048576' \
    "$scratch/liar.log")" true
  : >"$scratch/liar.log"
  ok gbox push oci:"$scratch/image" "docker://$liar/slow:1"
  assert_contains "$err" "has 1.0 MiB of"
  assert_equal "$(jq -rs '[.[] | select(.method == "PATCH" and .range != null) | .range[0:8]] | .[0]' \
    "$scratch/liar.log")" 1048576-
  # Cut on its way: what the registry had got by then does not go a second time.
  : >"$scratch/liar.log"
  cut_start "$liar" 3000000
  registry_login "$cut"
  ok gbox push oci:"$scratch/image" "docker://$cut/keeps:1"
  assert_contains "$err" "MiB of blob sha256:"
  all=$(find "$scratch/image/blobs" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
  [[ $(cut_told up) -lt $((all + 200000)) ]] || fail "$(cut_told up) bytes went up for $all"
  assert_matches "$(jq -rs '[.[] | select(.method == "PATCH" and .range != null) | .range] | .[0]' \
    "$scratch/liar.log")" '^29[0-9]{5}-'
  registry_login "$liar"
  # A registry with the API of referrers is told of them by it alone.
  layout about --layer "a:1000" --about application/spdx+json
  by_tag() {
    : >"$scratch/liar.log"
    ok gbox push oci:about "docker://$liar/$1:1"
    jq -r 'select(.method == "PUT") | .path' "$scratch/liar.log" | grep -c '/manifests/sha256-' || true
  }
  assert_equal "$(by_tag refers) $(by_tag keeps)" "0 1"
  cp -r "$scratch/image" spoilt
  big=$(find spoilt/blobs -size +8M)
  printf x | dd of="$big" bs=1 seek=100 conv=notrunc status=none
  fails $image_error gbox push oci:spoilt "docker://$liar/small:1"
  assert_error "DIGEST_INVALID" "'gbox image verify'"
}
check "an upload is sent in pieces where it must be, and goes on after a cut" uploads

verified() {
  ok gbox image verify oci:"$scratch/image"
  assert_equal "$out" "oci:$scratch/image is valid"
  registry_login "$main"
  ok gbox image verify "docker://$main/team/multi:1" "${trust[@]}"
  ok gbox pull "docker://$main/team/php:8" oci-archive:image.tar "${trust[@]}"
  ok gbox image verify --json oci-archive:image.tar
  assert_equal "$(jq -c '[.valid, .complaints]' <<<"$out")" '[true,[]]'
  cp -r "$scratch/image" bad
  printf x | dd of="$(find bad/blobs -size +8M)" bs=1 seek=100 conv=notrunc status=none
  echo stray >bad/blobs/sha256/"$(printf '0%.0s' {1..64})"
  rm "$(find bad/blobs -size +4M -size -6M)"
  fails $image_error gbox image verify oci:bad
  assert_error "not a valid image: 3 complaints"
  assert_contains "$out" "its digest is 'sha256:"
  assert_contains "$out" "it is not in the image"
  assert_contains "$out" "nothing in the image names it"
  # The tar of a layer is another one than the configuration says.
  layout other --layer "a:1000"
  old=$(jq -r '.layers[0].digest' "$(image_manifest other)")
  config=$(image_blob other "$(jq -r .config.digest "$(image_manifest other)")")
  jq -c '.rootfs.diff_ids[0] |= sub("sha256:.{8}"; "sha256:00000000")' "$config" >new-config
  digest=$(sha256sum <new-config | cut -d' ' -f1)
  jq -c --arg digest "sha256:$digest" --argjson size "$(stat -c %s new-config)" \
    '.config.digest = $digest | .config.size = $size' "$(image_manifest other)" >new-manifest
  mv new-config "other/blobs/sha256/$digest" && rm "$config" "$(image_manifest other)"
  digest=$(sha256sum <new-manifest | cut -d' ' -f1)
  jq -c --arg digest "sha256:$digest" --argjson size "$(stat -c %s new-manifest)" \
    '.manifests[0].digest = $digest | .manifests[0].size = $size' other/index.json >new-index
  mv new-manifest "other/blobs/sha256/$digest" && mv new-index other/index.json
  fails $image_error gbox image verify --json oci:other
  assert_equal "$(jq '.complaints | length' <<<"$out")" 1
  assert_contains "$out" "layer '$old': its tar is 'sha256:"
}
check "an image is checked, with every complaint" verified

# Its own mount namespace, for a disk of a few megabytes.
full_disk() {
  mkdir full
  export -f registry_start _free_port _wait_for_port fail
  unshare --user --map-root-user --mount true 2>/dev/null || skip "no user namespaces here"
  registry=127.0.0.1:$(_free_port)
  sed "s|^  addr:.*||; s|addr: .*|addr: $registry|; s|rootdirectory: [^}]*|rootdirectory: $PWD/full|" \
    "$scratch/main.yml" >full.yml
  sed -i "s|^http:|http:\n  addr: $registry|" full.yml
  env -u REGISTRY_AUTH_FILE unshare --user --map-root-user --mount --kill-child sh -c \
    'mount -t tmpfs -o size=4M none full && exec "$0" serve full.yml' "$e2e_registry_bin" >full.log 2>&1 &
  local pid=$!
  e2e_background+=("$pid")
  _wait_for_port "$registry" full.log
  registry_login "$registry"
  run gbox push oci:"$scratch/image" "docker://$registry/team/php:8.3" "${trust[@]}"
  kill "$pid"
  assert_equal "$status" $image_error
  assert_error "$registry/team/php: send blob 'sha256:[0-9a-f]*': 5" "full disk may look like this"
  registry_login "$main"
}
check "the registry's disk is full" full_disk

check_finish
