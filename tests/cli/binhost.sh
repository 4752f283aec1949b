#!/bin/bash
# A phase takes packages from a binary package host: gbox fetches just those that the plan takes,
# the step has no network, Portage verifies the signatures, nothing is compiled, and nothing of all
# that is left in the image.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/mirror.sh"
own_store store
cd "$scratch"

# --- gpg for images that have none: this machine's, with its own libraries ---
mkdir -p gnupg/usr/bin gnupg/opt/gnupg
for program in gpg gpg-agent; do
  cp "$(command -v "$program")" gnupg/opt/gnupg/
  ldd "$(command -v "$program")" | grep -o '/[^ ]*' | xargs cp -Lt gnupg/opt/gnupg/
  loader=$(basename "$(ldd "$(command -v "$program")" | grep -o '/[^ ]*/ld-[^ ]*')")
  printf '#!/bin/sh\nexec /opt/gnupg/%s --library-path /opt/gnupg /opt/gnupg/%s "$@"\n' \
    "$loader" "$program" >"gnupg/usr/bin/$program"
  chmod 755 "gnupg/usr/bin/$program"
done
# keys NAME: a key in NAME.home for signing, and a directory NAME.trust as Portage wants it
keys() {
  mkdir -m 700 "$1.home" && mkdir "$1.trust"
  gpg --homedir "$1.home" --batch --quiet --passphrase '' --quick-generate-key "$1" ed25519 sign never
  gpg --homedir "$1.home" --batch --quiet --export |
    gpg --homedir "$1.trust" --batch --quiet --no-permission-warning --import
  fingerprint=$(gpg --homedir "$1.home" --batch --with-colons --list-keys |
    sed -n 's/^fpr:*\([^:]*\):$/\1/p')
  echo "$fingerprint:6:" |
    gpg --homedir "$1.trust" --batch --quiet --no-permission-warning --import-ownertrust
  gpg --homedir "$1.trust" --batch --quiet --no-permission-warning --check-trustdb
  gpgconf --homedir "$1.home" --kill all
  gpgconf --homedir "$1.trust" --kill all
  rm -f "$1".*/S.* "$1".*/*.lock
}
keys stranger 2>keys.log || fail "no key: $(<keys.log)"
keys builder 2>keys.log || fail "no key: $(<keys.log)"

# --- a host, made by the stand-in's own Portage ---
spec maker.toml maker <<TOML
[portage.make_conf]
BINPKG_FORMAT = "gpkg"
FEATURES = "binpkg-signing"
BINPKG_GPG_SIGNING_BASE_COMMAND = "/usr/bin/gpg --sign --armor --batch [PORTAGE_CONFIG]"
BINPKG_GPG_SIGNING_GPG_HOME = "/root/.gnupg"
BINPKG_GPG_SIGNING_KEY = "$fingerprint"
[[phase]]
name = "packages"
copy = [
  { from = "gnupg/", to = "/" },
  { from = "builder.home/", to = "/root/.gnupg" },
  { from = "builder.trust/", to = "/etc/portage/gnupg" },
]
emerge = ["app-demo/hello"]
options = ["--buildpkg"]
TOML
sed -i '/^make_conf = /d' maker.toml
ok gbox build maker.toml --until packages
mkdir host
gbox run packages tar -C /var/cache/binpkgs -c . </dev/null | tar -C host -x --no-same-owner
for package in app-demo/hello dev-demo/libgreet dev-demo/greetgen; do
  [[ -n $(find "host/$package" -name '*.gpkg.tar') ]] || fail "no package of $package was made"
done
requests=$scratch/requests
mirror_start host --rules "$scratch/rules" --log "$requests" "$scratch/host"
uri=http://127.0.0.1:${mirror_port[host]}

# A stand-in for getuto, which makes of the release keys what Portage verifies with.
for name in builder stranger; do
  cp -a gnupg "tools-$name"
  mv "$name.trust" "tools-$name/opt/gnupg/trust"
  printf '#!/bin/sh\n[ -d /etc/portage/gnupg ] || cp -r /opt/gnupg/trust /etc/portage/gnupg\n' \
    >"tools-$name/usr/bin/getuto"
  chmod 755 "tools-$name/usr/bin/getuto"
done

# user FILE WHO [HOST-LINE…]: a spec that takes packages from there and trusts WHO's
user() {
  local file=$1 who=$2
  shift 2
  {
    echo '[[binhost]]'
    printf '%s\n' 'name = "demo"' "$@"
    [[ $who == nobody ]] ||
      printf '[[phase]]\nname = "tools"\ncopy = [{ from = "tools-%s/", to = "/" }]\n' "$who"
    cat <<'TOML'
[[phase]]
name = "hello"
emerge = ["app-demo/hello"]
[[phase]]
name = "root"
root = "/destination"
emerge = ["app-demo/hello"]
TOML
  } | spec "$file"
}
requested() { jq -r .path "$requests" | sort; }

# --- used ---
user stage4.toml builder "uri = \"$uri\""
ok gbox build stage4.toml --output oci:image
assert_equal "$(requested)" \
  "$(cd host && printf '/%s\n' Packages app-demo/hello/*.gpkg.tar dev-demo/libgreet/*.gpkg.tar | sort)" \
  "what was asked of the host"
for phase in hello root; do
  log=$(gbox log "$phase" </dev/null)
  assert_contains "$log" " --getbinpkg "
  assert_contains "$log" ">>> Emerging binary "
  assert_lacks "$log" "Compiling source"
done
ok gbox run oci:image hello
assert_contains "$out" "ello"
ok gbox run oci:image /bin/cat /etc/portage/binrepos.conf/50-gbox
assert_contains "$out" "sync-uri = $uri"
assert_contains "$out" "verify-signature = true"
assert_lacks "$out" "file:///var/db"

# --- one that has gone bad in the store is found by its digest, and fetched again ---
ok gbox cache verify --json
assert_equal "$(jq -c '[.host_packages, (.damaged | length)]' <<<"$out")" "[2,0]"
package=$(find "$store/binpkgs" -name 'hello-*.gpkg.tar')
printf x | dd of="$package" bs=1 seek=3000 conv=notrunc status=none
fails 1 gbox cache verify
assert_contains "$out" "dropped host package ${package##*/}: its SHA-256 is "
assert_missing "$package"
ok gbox build stage4.toml --from hello --output oci:image
cmp "$package" host/app-demo/hello/"${package##*/}"
ok gbox cache verify

# --- and gone ---
names=$(layer_names image)
grep -q '^\(\./\)\?destination/usr/bin/hello$' <<<"$names" || fail "nothing was merged into ROOT"
for inside in var/db/binhosts '\(destination/\)\?var/cache/\(edb/\)\?binhost' etc/portage/gnupg \
  '.*\.gpkg\.tar'; do
  found=$(grep "^\(\./\)\?$inside" <<<"$names" | head -n 5) || true
  [[ -z $found ]] || fail "in the image: $found"
done

# --- the lock holds the index; a newer one counts when it is asked for ---
: >"$requests"
build_events cached.json stage4.toml --locked --offline --output oci:image
[[ $status -eq 0 ]] || fail "a locked build without a network fails"
assert_equal "$(events cached.json step-started)" "" "steps that ran again"
sed -i 's/^TIMESTAMP: .*/TIMESTAMP: 2000000000/' host/Packages
ok gbox plan stage4.toml
assert_lacks "$out" "changed"
assert_equal "$(requested)" "" "requests of a build that has all"
ok gbox lock stage4.toml --update demo
assert_contains "$out" "binhost.demo.sha256"
assert_contains "$out" "20330518T033320Z"
ok gbox plan stage4.toml
assert_contains "$out" "binary package host 'demo' changed"

# --- one of Gentoo's own, by name: laid out as on its mirrors, of which the first has not got it ---
echo '[]' >rules
mkdir -p site/full/releases/amd64/binpackages/23.0 site/bare/releases/amd64
cp -r host site/full/releases/amd64/binpackages/23.0/x86-64
: >"$requests"
mirror_start site --log "$requests" "$scratch/site"
site=http://127.0.0.1:${mirror_port[site]}
user official.toml builder 'official = "x86-64"' "mirror = [\"$site/bare\", \"$site/full\"]"
ok gbox build official.toml --until hello
below=releases/amd64/binpackages/23.0/x86-64
wanted=$(cd host && printf "/full/$below/%s\n" app-demo/hello/*.gpkg.tar dev-demo/libgreet/*.gpkg.tar)
for path in "/bare/$below/Packages" "/full/$below/Packages" $wanted; do
  requested | grep -Fqx "$path" || fail "'$path' was not asked for"
done
assert_contains "$(gbox log hello </dev/null)" ">>> Emerging binary "
assert_lacks "$(gbox log hello </dev/null)" "Compiling source"
assert_contains "$(<official.lock)" "wish = \"official x86-64, arch amd64\""
assert_contains "$(<official.lock)" "\"$site/full/$below/Packages\""
# The image names what everybody has, not the mirrors of this build.
ok gbox run hello /bin/cat /etc/portage/binrepos.conf/50-gbox
assert_contains "$out" "sync-uri = https://distfiles.gentoo.org/$below"
assert_lacks "$out" 127.0.0.1
mirror_stop site # which would keep the other one running: it has inherited its input

# --- refused ---
user nobody.toml nobody "uri = \"$uri\""
fails 5 gbox build nobody.toml --until hello
assert_error "nobody.toml:[0-9]*:[0-9]*: phase 'hello': the signature of 'dev-demo/libgreet-.*' from binary package host 'demo' cannot be verified: the image has no '/usr/bin/gpg'" \
  "verify_signature = false"

user stranger.toml stranger "uri = \"$uri\""
fails 6 gbox build stranger.toml --until hello
log=$(gbox log hello </dev/null)
assert_contains "$log" "unknown key"
assert_lacks "$log" "Compiling source"

echo '[{"path": "/app-demo/*", "flip": 3000}]' >rules
user flipped.toml nobody "uri = \"http://localhost:${mirror_port[host]}\"" 'verify_signature = false'
fails 4 gbox build flipped.toml --until hello
assert_error "fetch binary packages of host 'demo': 'hello-.*gpkg.tar' are other files than its index says" \
  "not to be trusted"

echo '[{"path": "/Packages", "html": true}]' >rules
fails 4 gbox lock nobody.toml --update demo
assert_error "binary package host 'demo'.*Packages" "directory that holds 'Packages'"

mirror_stop host
fails 4 gbox lock nobody.toml --update demo
assert_error "fetch the index of binary package host 'demo'"
