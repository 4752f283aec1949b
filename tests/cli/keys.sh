#!/bin/bash
# The keys that count are listed with what this machine has of them, and certificates are taken for
# those keys only; neither needs or makes a store.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store never-made
export GBOX_KEYS=$scratch/keys
data=$e2e_root/tests/unit/portage/data/openpgp

ok gbox keys ls
for purpose in release snapshot git; do assert_contains "$out" "$purpose"; done
assert_equal "$(grep -cE '^[0-9A-F]{40}  ' <<<"$out")" 4
ok gbox keys ls --json
assert_equal "$(jq -r '.keys | length' <<<"$out")" 4
assert_equal "$(jq -r '.keys[0].fingerprint | length' <<<"$out")" 40

# A stranger's certificate is no answer, wherever it comes from.
fails 4 gbox keys update --from "$data/keys/stranger.asc"
assert_error "none of Gentoo's keys" "--from"
fails 4 gbox keys update --from "$scratch/missing.asc"
assert_error "none of Gentoo's keys" "another machine"
echo 'no key' >"$scratch/garbage.asc"
fails 4 gbox keys update --from "$scratch/garbage.asc"
assert_error "it holds no public key" "gpg --export"
assert_missing "$GBOX_KEYS"

# A damaged file of the user's is said, and its keys do not count.
mkdir "$GBOX_KEYS"
cp "$scratch/garbage.asc" "$GBOX_KEYS/mine.asc"
ok gbox keys ls
assert_contains "$err" "its keys do not count"

fails 2 gbox keys
assert_error "no command given" "gbox keys --help"
fails 2 gbox keys updat
assert_error "'updat'" "'update'"

assert_missing "$store"
