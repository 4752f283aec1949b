#!/bin/bash
# Mirrors whose signed words are missing, wrong, old or about something else: for each, what a
# person reads, word for word, and that nothing unverified is in the store and no lock is written.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/hostile.sh"

# --- pointers ---
unsigned_pointer() {
  case_mirror && spec_stage3
  signed_body "$pointer" >plain && mv plain "$pointer"
  refused $input_error gbox lock
}
row "a pointer without a signature" unsigned_pointer

pointer_of_stranger() {
  case_mirror && spec_stage3
  signed_body "$pointer" >plain
  sign unknown clear plain && mv signed "$pointer"
  refused $input_error gbox lock
}
row "a pointer signed by a key that is not in the ring" pointer_of_stranger

pointer_of_expired() {
  case_mirror && spec_stage3
  signed_body "$pointer" >plain
  sign expired clear plain && mv signed "$pointer"
  refused $input_error gbox lock
}
row "a pointer signed by a key that has ended" pointer_of_expired

ring_without_it() {
  case_mirror && spec_stage3 'keyring = "ring.asc"'
  cp "$good/keys/snapshot.asc" ring.asc
  refused $input_error gbox lock
}
row "a pointer, and a ring that lacks its key" ring_without_it

changed_pointer() {
  case_mirror && spec_stage3
  sed -i -E '/^20/s/[0-9]+$/12345/' "$pointer"
  refused $input_error gbox lock
}
row "a pointer changed after it was signed" changed_pointer

text_behind() {
  case_mirror && spec_stage3
  echo "$new/$tarball 300" >>"$pointer"
  refused $input_error gbox lock
}
row "a line behind the pointer's signature" text_behind

pointer_of_other_variant() {
  case_mirror && spec_stage3
  cp "${pointer/openrc.txt/systemd.txt}" "$pointer"
  refused $input_error gbox lock
}
row "the signed pointer of another variant" pointer_of_other_variant

unknown_variant() {
  case_mirror && spec_stage3
  sed -i 's/"openrc"/"hardened"/' stage4.toml
  refused $spec_error gbox lock
  sed -i 's/"hardened"/"opnrc"/' stage4.toml
  refused $spec_error gbox lock
}
row "a variant that the mirror has not got" unknown_variant

unknown_arch() {
  case_mirror && spec_stage3 'arch = "amd46"'
  refused $input_error gbox lock
}
row "an architecture that the mirror has not got" unknown_arch

rotated_away() {
  case_mirror && spec_stage3 'date = "20250301T170321Z"'
  refused $input_error gbox lock
  spec_stage3 'date = "20250301"'
  refused $input_error gbox lock
  spec_stage3 'date = "20250301T170321Z"' "mirror = [\"$url\", \"$url/\"]"
  refused $input_error gbox lock
}
row "a date that has been rotated away" rotated_away

# To a machine whose clock is behind, everything new is signed in the future.
signed_ahead() {
  case_mirror && spec_stage3
  signed_body "$pointer" >plain
  sign release clear plain "$(date --utc --date '3 days' +%Y%m%dT%H%M%S)" && mv signed "$pointer"
  refused 3 gbox lock
}
row "a pointer signed three days from now" signed_ahead

# --- digests ---
digests_of_other() {
  case_mirror && spec_stage3
  cp "root/releases/amd64/autobuilds/$old/stage3-amd64-openrc-$old.tar.xz.DIGESTS" \
    "$builds/$tarball.DIGESTS"
  refused $input_error gbox lock
}
row "the signed DIGESTS of another build" digests_of_other

digests_lack_it() {
  case_mirror && spec_stage3
  signed_body "$builds/$tarball.DIGESTS" | grep -v "$tarball" >plain
  sign release clear plain && mv signed "$builds/$tarball.DIGESTS"
  refused $input_error gbox lock
}
row "DIGESTS that lack the file" digests_lack_it

bad_sha256() {
  case_mirror && spec_stage3
  cp "root/releases/amd64/autobuilds/$old/stage3-amd64-openrc-$old.tar.xz.sha256" \
    "$builds/$tarball.sha256"
  refused $input_error gbox lock
  printf '%s  %s\n' "$(sha256sum <"$pointer" | cut -d' ' -f1)" "$tarball" >plain
  sign unknown clear plain && cp signed "$builds/$tarball.sha256"
  refused $input_error gbox lock
  # Without a signature it counts for nothing.
  mv plain "$builds/$tarball.sha256"
  ok gbox lock
  assert_contains "$(<stage4.lock)" "sha256 = \"$(sha256sum <"$scratch/stage3.tar.xz" | cut -d' ' -f1)\""
}
row "a .sha256 of another build, by a stranger, and without a signature" bad_sha256

no_digests() {
  case_mirror && spec_stage3
  rm "$builds/$tarball".{DIGESTS,sha256,asc}
  refused $input_error gbox lock
}
row "a stage3 with no digests and no signature" no_digests

only_detached() {
  case_mirror && spec_stage3
  rm "$builds/$tarball".{DIGESTS,sha256}
  rule '[{"path": "*.tar.xz", "flip": 100}]'
  refused $input_error gbox lock
  cp "root/releases/amd64/autobuilds/$old/stage3-amd64-openrc-$old.tar.xz.asc" \
    "$builds/$tarball.asc"
  rule '[]'
  refused $input_error gbox lock
}
row "a detached signature over something else" only_detached

# --- age ---
replayed() {
  local made
  case_mirror && spec_stage3
  made=$(date --utc --date '50 days ago 18:00' +%s)
  printf '# ts=%s\n%s/%s %s\n' "$made" "$old" "${tarball/$new/$old}" \
    "$(stat -c %s "$scratch/stage3.tar.xz")" >plain
  sign release clear plain "$(date --utc --date "@$made" +%Y%m%dT%H%M%S)"
  cp "$pointer" new-pointer
  cp signed "$pointer"
  ok gbox lock
  golden
  rm -r stage4.lock store
  cp new-pointer "$pointer"
  ok gbox lock
  cp stage4.lock kept.lock
  cp signed "$pointer"
  fails $input_error gbox lock stage4.toml --update base
  golden
  cmp stage4.lock kept.lock || fail "the lock has changed"
}
row "an old signed pointer is replayed" replayed

# --- several ---
some_lack_it() {
  case_mirror && spec_stage3 "mirror = [\"$url/none\", \"$url\", \"$url/nothing\"]"
  signed_body "$pointer" >plain && mv plain "$pointer"
  refused $input_error gbox lock
}
row "one mirror gives something else, and the others have not got it" some_lack_it

# --- trees ---
no_gpgsig() {
  case_mirror && spec_snapshot "snapshot = \"$new_day\""
  rm root/snapshots/*.gpgsig
  refused $input_error gbox lock
  spec_snapshot 'snapshot = "latest"'
  refused $input_error gbox lock
}
row "a snapshot without its signature" no_gpgsig

swapped_days() {
  case_mirror && spec_snapshot "snapshot = \"$new_day\""
  cp "root/snapshots/gentoo-$old_day.tar.xz.gpgsig" "root/snapshots/gentoo-$new_day.tar.xz.gpgsig"
  refused $input_error gbox lock
}
row "a snapshot with the signature of another day" swapped_days

swapped_snapshot() {
  case_mirror && spec_snapshot "snapshot = \"$new_day\""
  cp "root/snapshots/gentoo-$old_day.tar.xz" "root/snapshots/gentoo-$new_day.tar.xz"
  refused $input_error gbox lock
}
row "a snapshot with the bytes of another day" swapped_snapshot

old_under_new_name() {
  case_mirror && spec_snapshot "snapshot = \"$new_day\""
  sign snapshot binary "root/snapshots/gentoo-$new_day.tar.xz" 20240601T004500
  mv signed "root/snapshots/gentoo-$new_day.tar.xz.gpgsig"
  refused $input_error gbox lock
}
row "an old snapshot, signed, under a new name" old_under_new_name

unsigned_sums() {
  case_mirror && spec_snapshot 'snapshot = "latest"' 'format = "squashfs"'
  signed_body root/snapshots/squashfs/sha512sum.txt >plain
  mv plain root/snapshots/squashfs/sha512sum.txt
  refused $input_error gbox lock
  rm root/snapshots/squashfs/sha512sum.txt
  refused $input_error gbox lock
}
row "squashfs sums without a signature, and none" unsigned_sums

snapshot_gone() {
  case_mirror && spec_snapshot 'snapshot = "20250301"'
  refused $input_error gbox lock
  spec_snapshot 'snapshot = "20250301"' 'format = "squashfs"'
  refused $input_error gbox lock
}
row "a day that has been rotated away" snapshot_gone

# --- keys ---
no_certificates() {
  case_mirror && spec_stage3
  sed -i '/^keyring/d' stage4.toml
  refused $input_error env GBOX_KEYS="$PWD/none" "$GBOX" lock
  sed -i '/^stage3/a keyring = "none.asc"' stage4.toml
  refused $input_error gbox lock
  sed -i 's/none.asc/stage4.toml/' stage4.toml
  refused $input_error gbox lock
}
row "no certificates" no_certificates

verify_false() {
  case_mirror && spec_stage3 'verify = false'
  sed -i '/^keyring/d' stage4.toml
  ok gbox lock
  golden
  assert_contains "$(<stage4.lock)" unverified
  assert_lacks "$(<stage4.lock)" signer
}
row "verification switched off is loud, and in the lock" verify_false

golden_finish
