#!/bin/bash
# Equal inputs give an equal image: built at another time, by another number of jobs, in another
# store and directory, upon packages that were there or were not. What tells of the making is not in
# it, what Portage needs still fits, and a difference that a spec makes by itself is found and named.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

graph=$scratch/repo
"$e2e_lib/graph.py" "$graph" --packages 4 >/dev/null
# reproducible_spec FILE: packages, and a script that leaves what scripts do
reproducible_spec() {
  mkdir -p "$(dirname "$1")"
  {
    standin_head reproducible | sed 's,^profile = .*,profile = "standin:standin/linux/amd64",'
    cat <<TOML
[repos.graph]
path = "$graph"
[output]
compression = "none"
[[phase]]
name = "graph"
emerge = ["dev-graph/all"]
[[phase]]
name = "within"
root = "/within"
emerge = ["dev-graph/p00"]
[[phase]]
name = "script"
run = '''
useradd --create-home joe
printf 'x = 1\n' >/usr/lib/made.py
python3 -c 'import sys; sys.path.insert(0, "/usr/lib"); import made'
echo text | gzip >/text.gz
echo text >/file && gzip /file
mkdir -p /var/log/portage && date >/var/log/portage/some.log
ldconfig
echo "\$SOURCE_DATE_EPOCH \$MAKEOPTS" >/epoch
'''
TOML
  } >"$1"
}
digest_of() { jq -r '.manifests[0].digest' "$1/index.json"; }

own_store store
reproducible_spec "$scratch/one/stage4.toml"
ok gbox build "$scratch/one/stage4.toml" --output "oci:$scratch/image" --jobs 1 --emerge-jobs 1 \
  --cache-to "dir=$scratch/shared"
image=$scratch/image
# The same where all packages are merged out of binary packages, for somebody of other names and habits.
mkdir "$scratch/home"
ok env HOME="$scratch/home" USER=other LOGNAME=other LANG=C TZ=Asia/Tokyo bash -c 'umask 077; exec "$@"' -- \
  "$GBOX" build "$scratch/one/stage4.toml" --output "oci:$scratch/merged" --store "$scratch/merged-store" \
  --cache-from "dir=$scratch/shared" --cache-snapshots never
assert_lacks "$err" GRAPH-COMPILE
[[ $(digest_of "$scratch/merged") == "$(digest_of "$image")" ]] || {
  run gbox image diff "oci:$image" "oci:$scratch/merged"
  fail "merged out of binary packages, it is another image: $out"
}
# The spec and the base in other directories; another store, other jobs, packages side by side, another host name.
reproducible_spec "$scratch/another/deeper/stage4.toml"
cp "$(stage3)" "$scratch/another/base.tar"
sed -i "s,^tarball = .*,tarball = \"$scratch/another/base.tar\"," "$scratch/another/deeper/stage4.toml"
ok gbox verify --rebuild "$scratch/another/deeper/stage4.toml" --image "oci:$image" --jobs 1 --emerge-jobs 1
assert_contains "$out" "built again to the same image, $(digest_of "$image")"
[[ -z $(find "$scratch" -maxdepth 1 -name 'gbox-rebuild-*') ]] || fail "the second store was left behind"

# The image's time is the newest of the base, which no clock tells; what is later than that is not in it.
epoch=$(jq -r .created "$(image_blob "$image" "$(jq -r .config.digest "$(image_manifest "$image")")")")
epoch=$(date -d "$epoch" +%s)
[[ $epoch -lt $(date +%s) ]] || fail "the image's time is $epoch"
# What is newer than the image's own time is not in it; what belongs to packages has a time of its own.
tree=$scratch/tree
mkdir "$tree"
"$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$image" "$tree"
inside() { "$e2e_lib/in-ids" bash -c "$1" -- "$tree"; }
assert_equal "$(inside 'find "$1" -newermt "@'"$epoch"'" -printf "%P %t\n" | head')" "" "files newer than the epoch"
assert_equal "$(inside 'cat "$1/epoch"')" "$epoch "
stamp=$(inside 'stat -c %Y "$1/usr/bin/graph-p00"')
[[ $stamp -ge 946684800 && $stamp -lt 1215120256 ]] || fail "graph-p00 has the time $stamp"
assert_equal "$(inside 'cat "$1/var/db/pkg/dev-graph/p00-1/BUILD_TIME"')" "$stamp"
assert_contains "$(inside 'cat "$1/var/db/pkg/dev-graph/p00-1/CONTENTS"')" " $stamp"
# A root within the image has a database of its own: the same goes for that.
assert_equal "$(inside 'stat -c %Y "$1/within/usr/bin/graph-p00"; cat "$1/within/var/db/pkg/dev-graph/p00-1/BUILD_TIME"')" \
  "$stamp"$'\n'"$stamp"
for gone in within/var/cache/edb/mtimedb var/log/emerge.log var/cache/edb/mtimedb var/log/portage/some.log var/cache/ldconfig/aux-cache; do
  inside 'test ! -e "$1/'$gone'"' || fail "/$gone is in the image"
done
# Python and Portage take it as it is: bytecode is used, nothing of a package is thought changed.
ok gbox run "oci:$image" -- bash -c '
  cd /usr/lib && python3 -v -c "import made" 2>&1 | grep "code object from .*__pycache__/made" || exit 1
  python3 - <<P
import glob, hashlib, os
seen = 0
for contents in glob.glob("/var/db/pkg/dev-graph/*/CONTENTS"):
    for line in open(contents):
        if line.startswith("obj "):
            path, md5, time = line[4:].rstrip().rsplit(" ", 2)
            assert str(int(os.lstat(path).st_mtime)) == time, path
            assert hashlib.md5(open(path, "rb").read()).hexdigest() == md5, path
            seen += 1
    for line in open(os.path.dirname(contents) + "/metadata"):
        if line.startswith("#dir_mtime="):
            assert int(line[11:]) == os.stat(os.path.dirname(contents)).st_mtime_ns, contents
print("contents fit:", seen > 3)
P'
assert_contains "$out" "contents fit: True"
# Another time, asked for by a pipeline: nothing is built again, and only times differ.
ok env SOURCE_DATE_EPOCH=1000000000 "$GBOX" build --progress json "$scratch/one/stage4.toml" --output "oci:$scratch/earlier"
assert_equal "$(events "$scratch/.err" step-done)" ""
ok gbox image diff --json "oci:$image" "oci:$scratch/earlier"
assert_equal "$(jq -r '[.files[].what[] | split(" ")[0]] | unique | join(" ")' <<<"$out")" "content time"
assert_equal "$(jq -r '.packages | length' <<<"$out")" 0
fails 2 env SOURCE_DATE_EPOCH=yesterday "$GBOX" build "$scratch/one/stage4.toml" --output "oci:$scratch/earlier"
assert_error "'SOURCE_DATE_EPOCH' is 'yesterday'"

# What a script makes by itself is found, and named with its cause.
{
  standin_head odd
  cat <<'TOML'
[output]
root = "/target"
[[phase]]
name = "odd"
run = """
mkdir -p /target/etc; cd /target
date >when; hostname >where; head -c 40 /dev/urandom | base64 >etc/machine-id
nproc >same; touch -d @1900000000 later; touch -d @0 earlier
"""
TOML
} >"$scratch/odd.toml"
fails 7 gbox verify --rebuild "$scratch/odd.toml"
assert_matches "$out" "~ /when  content: the time of the build is in it"
assert_matches "$out" "~ /where  content.*: the name of the host is in it"
assert_matches "$out" "~ /etc/machine-id  content: a key or identifier made at random"
assert_lacks "$out" /same
assert_lacks "$out" /later
assert_error "verify: built again, the image is sha256:.*: 3 files, 0 packages" "SOURCE_DATE_EPOCH"
fails 2 gbox verify "$scratch/odd.toml"
assert_error "verify: nothing to do" "gbox verify --rebuild"
