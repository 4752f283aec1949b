#!/bin/bash
# examples/php, all of it as it is: PHP and ICU of upstream's sources, as the distribution keeps them,
# from a mirror laid out as Gentoo's are to an image that serves a page; and the same digest again in
# another store. Only the ebuilds are the test's own, and what they need of a system: php/tree.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/mirror.sh"
source "$e2e_lib/podman.sh"

own_store store
e2e_limit=3400

# --- the sources ---
# By apt, as an ordinary user: what its signed index says is what they are verified by.
sources=$GBOX_TEST_CACHE/debian-sources
mkdir -p "$sources"
fetch_sources() {
  # shellcheck disable=SC1091 # the host's own file
  local codename file apt=$scratch/apt
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mkdir -p "$apt"/{parts,state/lists/partial,cache/archives/partial}
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
    grep -Eqs "^[^#]*[[:space:]]$codename([-/[:space:]]|\$)" "$file" || continue
    sed -E 's/^deb([[:space:]])/deb-src\1/; s/^Types:.*/Types: deb-src/' "$file" >"$apt/parts/${file##*/}"
  done
  [[ -n $(ls "$apt/parts") ]] || die "no apt source of the host names '$codename'"
  [[ ! -e $apt/parts/sources.list ]] || mv "$apt/parts/sources.list" "$apt/parts/host.list"
  local options=(-q -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$apt/parts"
    -o "Dir::State=$apt/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$apt/cache")
  if ! (cd "$sources" && apt-get "${options[@]}" update &&
    apt-get "${options[@]}" source --download-only "php8.2/$codename" "icu/$codename") >"$apt/log" 2>&1; then
    fail "apt fetches no sources: $(tail -n 3 "$apt/log")"
  fi
}
# newest NAME: of the archives that are there.
newest() { find "$sources" -name "$1_*.orig.tar.?z" | sort --version-sort | tail -n 1; }
# What an earlier run has fetched, apt has verified.
[[ -n $(newest php8.2) && -n $(newest icu) ]] || fetch_sources
php=$(newest php8.2) icu=$(newest icu)
version=${php##*_}
version=${version%.orig.*}

# --- the mirror ---
# The tree is the stand-in's and the test's.
tree=$scratch/tree
standin_tree "$tree" "$e2e_root/tests/long/php/tree"
mkdir "$tree/app-admin/eselect/files"
cp "$tree/app-admin/eselect-demo/files/eselect" "$tree/app-admin/eselect/files"
mv "$tree"/dev-lang/php/php-{8.2,"$version"}.ebuild
files=$scratch/distfiles
mkdir "$files"
ln -s "$(distfiles)"/* "$php" "$icu" "$files"
manifest() { # PACKAGE FILE
  printf 'DIST %s %s BLAKE2B %s SHA512 %s\n' "${2##*/}" "$(stat -c %s "$2")" \
    "$(b2sum <"$2" | cut -d' ' -f1)" "$(sha512sum <"$2" | cut -d' ' -f1)" >"$tree/$1/Manifest"
}
manifest dev-lang/php "$php"
manifest dev-libs/icu "$icu"

"$e2e_root/tests/mirror/make" "$scratch/mirror" --tree "$tree" --tree-name gentoo \
  --stage3 "$(stage3)=nomultilib-openrc" --variants nomultilib-openrc \
  --stamps "$(date --utc --date yesterday +%Y%m%dT170312Z)" \
  --dates "$(date --utc --date '2 days ago' +%Y%m%d)" --distfiles "$files"
mirror_start gentoo "$scratch/mirror/root"

# --- the build ---
options=(--keyring "$scratch/mirror/keys/keys.asc" --set slot=8.2
  --set "mirror=http://127.0.0.1:${mirror_port[gentoo]}")
cp -r "$e2e_root/examples/php" "$scratch/php"
build_events "$scratch/events" "$scratch/php/stage4.toml" "${options[@]}" \
  --output "oci:$scratch/image" --output "oci-archive:$scratch/image.tar"
[[ $status -eq 0 ]] || {
  tail -n 5 "$scratch/events" | cut -c1-3000 >&2
  fail "exit status $status"
}
digest=$(tail -n 1 <<<"$out" | cut -d' ' -f2)
assert_contains "$(jq -r 'select(.event == "fact") | .text' "$scratch/events")" "closure complete"
log=$(gbox log php)
assert_contains "$log" ">>> gbox: eselect php set fpm php8.2: /usr/bin/php-fpm"

# --- what it can do ---
ok gbox run "oci:$scratch/image" -- /usr/bin/php-fpm -v
assert_contains "$out" "PHP $version (fpm-fcgi)"
ok gbox run "oci:$scratch/image" -- /usr/bin/php-fpm -m
assert_contains "$out" $'\nintl\n'
if podman_setup "$scratch"; then
  image=$(podman_load "$scratch/image.tar")
  ok podman_run --entrypoint /usr/bin/php-fpm "$image" -m
  assert_contains "$out" $'\nintl\n'
  podman_teardown
else
  say "podman cannot run here: $PODMAN_WHY_NOT"
  [[ ${GBOX_TESTS_MUST_RUN:-0} != 1 ]] || fail "podman cannot run here: $PODMAN_WHY_NOT"
fi
# As its own specification starts it. The port is the image's.
"$GBOX" run --network host "oci:$scratch/image" >"$scratch/served" 2>&1 </dev/null &
server=$!
e2e_background+=("$server")
ok timeout 60 python3 "$e2e_root/tests/long/php/fcgi.py" 9000 /srv/www/index.php
assert_contains "$out" $'\r\n\r\ntwo thousand twenty-six\n'
assert_contains "$out" $'\n二千二十六\né by PHP '"$version, ICU "
kill -TERM "$server"
wait "$server" || true

# --- what is in it ---
size=$(jq '[.layers[].size] | add' "$(image_manifest "$scratch/image")")
say "the image has $((size / 1024 / 1024)) MiB"
((size < 100 * 1000 * 1000)) || fail "the image has $size bytes"
names=$(layer_names "$scratch/image" | sed 's,^\./,,; s,/$,,')
for path in usr/bin/php-fpm usr/lib/php8.2/bin/php-fpm srv/www/index.php etc/php/fpm-php8.2/php.ini; do
  grep -qx "$path" <<<"$names" || fail "'$path' is not in the image"
done
# Interfaces that USE does not ask for; what only builds; what only asks to be there; what is trimmed.
for path in usr/bin/php usr/bin/php-cgi 'usr/lib/php8.2/bin/\(php\|php-cgi\|phpize\)' \
  'usr/include.*' 'usr/lib/php8.2/\(include\|lib/build\|man\)' usr/share/aclocal 'usr/bin/.*gcc' \
  usr/bin/bash usr/bin/ls usr/bin/eselect usr/sbin/sendmail usr/sbin/metalog usr/sbin/useradd \
  var/spool/nullmailer usr/share/eselect var/db/pkg; do
  ! grep -x "$path" <<<"$names" || fail "'$path' is in the image"
done
# The database is trimmed by the phase that unmerges: the bill knows both.
ok gbox image sbom "oci:$scratch/image"
assert_equal "$(jq -r '.packages[].name' <<<"$out" | grep / | paste -sd' ')" \
  "dev-lang/php dev-libs/icu sys-apps/baselayout sys-devel/gcc sys-libs/glibc virtual/libc"

# --- again, from nothing, in another place, by another number of compilers at once: the very same ---
cp -r "$e2e_root/examples/php" "$scratch/elsewhere"
cp "$scratch/php/stage4.lock" "$scratch/elsewhere"
ok gbox build --locked --jobs 3 --emerge-jobs 1 --store "$scratch/again-store" \
  "$scratch/elsewhere/stage4.toml" "${options[@]}" --output "oci:$scratch/again"
again=$(cut -d' ' -f2 <<<"$out")
[[ $again == "$digest" ]] || {
  run gbox image diff "oci:$scratch/image" "oci:$scratch/again"
  fail "the second build has another digest: $out $err"
}
