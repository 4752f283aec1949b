#!/bin/bash
# The image's layers, applied in order by GNU tar and the words of the OCI specification, give the
# tree that the snapshots show merged: bytes, owners, modes, attributes and links. Times, and what
# tells of the making, are shown by rules of their own (reproducible.sh).
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

# Every kind of file, then every kind of change to files of the layers below.
spec "$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "oddities"
emerge = ["sys-demo/oddities"]
[[phase]]
name = "prepare"
run = """
mkdir -p /t/kept /t/gone /t/remade/deep /t/swap-dir
echo a > /t/kept/a; echo b > /t/gone/b; echo c > /t/remade/c; echo d > /t/remade/deep/d
echo e > /t/swap-file; echo f > /t/swap-dir/f; ln -s kept /t/swap-link
echo shared > /t/one; ln /t/one /t/two; ln /t/one /t/three
setfattr -n user.colour -v red /t/kept/a 2>/dev/null ||
  python3 -c 'import os; os.setxattr("/t/kept/a", "user.colour", b"red")'
"""
[[phase]]
name = "change"
run = """
rm -r /t/gone
rm -r /t/remade; mkdir /t/remade; echo new > /t/remade/new
rm /t/swap-file; mkdir /t/swap-file; echo in > /t/swap-file/in
rm -r /t/swap-dir; echo now a file > /t/swap-dir
rm /t/swap-link; mkdir /t/swap-link; echo no link > /t/swap-link/x
echo more >> /t/two
chmod 0701 /t/kept; chown 250:250 /t/kept/a
rm /usr/share/oddities/linked-again
printf x | dd of=/usr/share/oddities/sparse bs=1 seek=5242880 conv=notrunc status=none
mv /usr/share/oddities/times /usr/share/oddities/moved
rm -r /var/lib/oddities/shared
python3 -c 'import os; os.setxattr("/t/kept", "user.shape", b"round")'
"""
TOML
ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image"

skips=(--skip proc --skip sys --skip dev
  --skip var/db/pkg --skip var/log --skip var/cache/edb --skip var/cache/ldconfig)
# What a sandbox puts in place to be used inside and what a running system writes.
snapshot=$(key_of layers-equal change)
[[ -n $snapshot && $snapshot != null ]] || fail "the store lists no snapshot of the last step"
ok gbox run "$snapshot" -- python3 -c "$(<"$e2e_lib/tree.py")" --times --holes "${skips[@]}" /
printf '%s\n' "$out" >"$scratch/merged"
[[ $(wc -l <"$scratch/merged") -gt 3000 ]] || fail "the merged view is too small to be one"

mkdir "$scratch/applied"
ok "$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$scratch/image" "$scratch/applied"
ok "$e2e_lib/in-ids" python3 "$e2e_lib/tree.py" --times --holes "${skips[@]}" "$scratch/applied"
printf '%s\n' "$out" >"$scratch/from-layers"

# Holes are no part of a tar archive's content; the column is looked at below.
without() { awk -F'\t' -v OFS='\t' -v columns="$1" '{ split(columns, c, " "); for (i in c) $c[i] = "-"; print }' "$2"; }
diff <(without "8 9" "$scratch/merged") <(without "8 9" "$scratch/from-layers") >"$scratch/diff" ||
  fail "the layers are not the merged view: $(head -n 30 "$scratch/diff")"

# The test must have seen what it is about.
line() { awk -F'\t' -v name="$1" '$NF == name' "$scratch/merged"; }
assert_contains "$(line usr/bin/odd-caps)" security.capability
assert_contains "$(line usr/bin/odd-caps-late)" security.capability
assert_contains "$(line usr/bin/odd-id-both)" $'6711\t860:860'
assert_contains "$(line usr/share/oddities/fifo)" fifo
assert_contains "$(line usr/share/oddities/sub/linked-elsewhere)" usr/share/oddities/linked
assert_equal "$(line usr/share/oddities/linked-again)" ""
assert_equal "$(line t/gone)" ""
assert_equal "$(line t/remade/c)" ""
assert_contains "$(line t/kept/a)" "user.colour"
assert_contains "$(line t/kept/a)" 250:250

# Holes: the snapshot keeps them, and so does the image once gbox unpacks it.
assert_contains "$(line usr/share/oddities/sparse)" sparse
ok gbox run "oci:$scratch/image" -- python3 -c "$(<"$e2e_lib/tree.py")" --times --holes "${skips[@]}" /
printf '%s\n' "$out" >"$scratch/unpacked"
{
  diff <(without 8 "$scratch/merged") <(without 8 "$scratch/unpacked") || true
  diff <(without 9 "$scratch/from-layers") <(without 9 "$scratch/unpacked") || true
} >"$scratch/diff"
[[ ! -s $scratch/diff ]] || fail "gbox unpacks its own image to something else: $(head -n 30 "$scratch/diff")"
