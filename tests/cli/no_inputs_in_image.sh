#!/bin/bash
# Neither the ebuild repository nor a source archive nor gbox's own helpers end up in an image.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

spec "$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "hello"
emerge = ["app-demo/hello-classic"]
[[phase]]
name = "seen"
run = "test -d /var/db/repos/standin/profiles; ls /var/cache/distfiles | grep -q hello-classic"
TOML
ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image"

names=$(layer_names "$scratch/image")
[[ $(wc -l <<<"$names") -gt 3000 ]] || fail "the image has next to nothing in it"
grep -q '^\(\./\)\?usr/bin/hello-classic$' <<<"$names" || fail "the image lacks what was built"
for inside in var/db/repos/. var/cache/distfiles/. var/tmp/portage/. '.*hello-classic-1\.0\.tar' \
  '.*gbox-init'; do
  found=$(grep "^\(\./\)\?$inside" <<<"$names" | head -n 5) || true
  [[ -z $found ]] || fail "in the image: $found"
done

# By content too, whatever the name: no file of the image is one of the repository or an archive.
# The record of an installed package holds a copy of its ebuild; that belongs there.
mkdir "$scratch/applied"
ok "$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$scratch/image" "$scratch/applied"
digests() { find "$@" -type f -size +64c -print0 | xargs -0 sha256sum | cut -c1-64 | sort -u; }
ok "$e2e_lib/in-ids" bash -c "$(declare -f digests)
  find '$scratch/applied/var/db/pkg' -delete; digests '$scratch/applied'"
digests "$(standin_repo)" "$(distfiles)" >"$scratch/inputs"
common=$(comm -12 "$scratch/inputs" <(printf '%s\n' "$out"))
for digest in $common; do
  # What an ebuild installs out of its FILESDIR is an output as well.
  # (awk reads to the end: leaving early would end sha256sum by SIGPIPE.)
  origins=$(find "$(standin_repo)" "$(distfiles)" -type f -exec sha256sum {} + |
    awk -v digest="$digest" '$1 == digest { print $2 }')
  [[ $origins == */files/* ]] || fail "'${origins%%$'\n'*}' is in the image"
done
