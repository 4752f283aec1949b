#!/bin/bash
# Images that our oci module writes, judged by tools that are not ours: skopeo, umoci and rootless
# podman accept them, run them and agree on digest and content; and what those tools write, our
# reader accepts.
#
# usage: oci_judges.sh [OCI_MAKE PAYLOAD]   (default: beside $GBOX, in the build directory)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../lib/podman.sh"

skip() {
  echo "$1"
  [[ ${GBOX_TESTS_MUST_RUN:-} != 1 ]] || exit 1
  exit 77
}
fail() {
  echo "failed: $*" >&2
  exit 1
}
same() { # WHAT EXPECTED FOUND
  [[ $2 == "$3" ]] || fail "$1: expected '$2', found '$3'"
}

if [[ $# -eq 2 ]]; then
  oci_make=$(realpath "$1") payload=$(realpath "$2")
else
  [[ -n ${GBOX:-} ]] || fail "give OCI_MAKE and PAYLOAD, or set GBOX"
  tools=$(dirname "$GBOX")/../../tests/unit/oci
  oci_make=$(realpath "$tools/oci_make") payload=$(realpath "$tools/oci_payload")
fi
for tool in skopeo umoci zstd; do
  type -P "$tool" >/dev/null || skip "$tool is not installed (apt install $tool)"
done

scratch=$(mktemp -d "${GBOX_TEST_WORK:-${TMPDIR:-/tmp}}/oci-judges.XXXXXX")
finish() {
  podman_teardown
  rm -rf "$scratch"
}
trap finish EXIT
cd "$scratch"

# Two layers, so that their order shows.
mkdir -p one/bin one/etc two/etc
cp "$payload" one/bin/payload
echo 'of layer one' >one/etc/kept
echo 'of layer one' >one/etc/changed
echo 'of layer two' >two/etc/changed
pack() { tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$1" -cf "$1.tar" .; }
pack one
pack two
gzip -nk one.tar two.tar
zstd -qk one.tar two.tar

write() { # TARGET SUFFIX: prints the digest
  "$oci_make" write "$1" tiny:1 "one.tar=one.tar.$2" "two.tar=two.tar.$2" -- /bin/payload from-config |
    cut -d' ' -f2
}
gzip_digest=$(write oci:gzip gz)
write oci-archive:gzip.tar gz >/dev/null
zstd_digest=$(write oci:zstd zst)
write oci-archive:zstd.tar zst >/dev/null
for image in oci:gzip oci-archive:gzip.tar oci:zstd oci-archive:zstd.tar; do
  "$oci_make" verify "$image" || fail "our own check of $image"
done

# --- skopeo
for image in oci:gzip oci:gzip:1 oci-archive:gzip.tar oci-archive:gzip.tar:1; do
  same "skopeo's digest of $image" "$gzip_digest" "$(skopeo inspect --format '{{.Digest}}' "$image")"
done
same "skopeo's digest of oci:zstd" "$zstd_digest" "$(skopeo inspect --format '{{.Digest}}' oci:zstd)"
same "the label skopeo sees" one \
  "$(skopeo inspect --format '{{index .Labels "org.example.label"}}' oci:gzip)"
same "the command skopeo sees" '["/bin/payload" "from-config"]' \
  "$(skopeo inspect --config --format '{{printf "%q" .Config.Entrypoint}}' oci:gzip)"
policy=(--insecure-policy)
skopeo "${policy[@]}" copy -q oci:gzip:1 oci-archive:copied.tar:1
skopeo "${policy[@]}" copy -q oci-archive:zstd.tar oci:copied:1
for image in oci-archive:copied.tar oci:copied; do
  "$oci_make" verify "$image" || fail "our check of what skopeo copied to $image"
  grep -q "^history set the command\$" <<<"$("$oci_make" show "$image")" || fail "the history in $image"
done
same "the digest after skopeo's copy" "$zstd_digest" \
  "$(skopeo inspect --format '{{.Digest}}' oci:copied)"

# --- as docker's own kind of archive, which is the same file
write docker-archive:docker.tar gz >/dev/null
cmp -s gzip.tar docker.tar || fail "docker-archive: writes another file"
for image in docker-archive:gzip.tar docker-archive:gzip.tar:localhost/tiny:1; do
  same "the config skopeo sees in $image" "$(skopeo inspect --config --raw oci:gzip | sha256sum)" \
    "$(skopeo inspect --config --raw "$image" | sha256sum)"
done
skopeo "${policy[@]}" copy -q docker-archive:zstd.tar oci:from-docker:1
"$oci_make" verify oci:from-docker || fail "our check of what skopeo made of docker's archive"

# --- umoci (0.4.7 knows no zstd)
umoci unpack --rootless --image gzip:1 bundle >umoci.log 2>&1 || fail "umoci: $(tail -n 3 umoci.log)"
same "the changed file in umoci's bundle" 'of layer two' "$(cat bundle/rootfs/etc/changed)"
same "the kept file in umoci's bundle" 'of layer one' "$(cat bundle/rootfs/etc/kept)"
cmp -s "$payload" bundle/rootfs/bin/payload || fail "umoci's bundle has another payload"
grep -q "set the command" <<<"$(umoci stat --image gzip:1)" || fail "umoci stat shows no history"
# Its own work on our image, and an image of its own, are read by us.
umoci config --image gzip:1 --config.env MORE=1 --history.comment 'by umoci'
"$oci_make" show oci:gzip:1 >/dev/null || fail "we cannot read what umoci configured"
umoci init --layout other
umoci new --image other:1
umoci raw add-layer --image other:1 one.tar
umoci gc --layout other # of blobs that nothing names any more
"$oci_make" verify oci:other || fail "our check of umoci's own image"
grep -q "^layer " <<<"$("$oci_make" show oci:other)" || fail "we cannot read umoci's own image"

# --- a layout with another image is not overwritten, one with the same is
gzip_digest=$(rm -rf gzip && write oci:gzip gz)
same "the digest when written again" "$gzip_digest" "$(write oci:gzip gz)"
status=0
message=$("$oci_make" write oci:gzip:2 tiny one.tar 2>&1) || status=$?
same "the exit code for a layout in use" 7 "$status"
[[ $message == *"write layout 'gzip': it already holds '1'"* ]] || fail "the message is '$message'"
same "the digest afterwards" "$gzip_digest" "$(skopeo inspect --format '{{.Digest}}' oci:gzip)"

# --- podman, last: where it cannot run the rest was still judged
podman_setup "$scratch" || skip "podman cannot run here: $PODMAN_WHY_NOT"
same "the name podman gives to the archive" localhost/tiny:1 "$(podman_load gzip.tar)"
expected="hello from 12:34 in /work, 1 arguments, last 'from-config'"
for path in gzip gzip.tar zstd zstd.tar; do
  image=$(podman_load "$path") || fail "podman load of $path"
  same "what $path prints under podman" "$expected" "$(podman_run "$image")"
done
same "podman's exposed ports" 'map[80/tcp:{}]' \
  "$(podman_do image inspect --format '{{.Config.ExposedPorts}}' localhost/tiny:1)"
same "podman's stop signal" SIGINT \
  "$(podman_do image inspect --format '{{.Config.StopSignal}}' localhost/tiny:1)"
same "podman's volumes" 'map[/data:{}]' \
  "$(podman_do image inspect --format '{{.Config.Volumes}}' localhost/tiny:1)"
echo "judged by $(skopeo --version), $(umoci --version), $(podman_do --version) with $PODMAN_RUNTIME"
