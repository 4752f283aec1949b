#!/bin/bash
# What is finished is not run again; what has changed is, with all that is built upon it; what only
# shapes the image reruns nothing.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store cached # '--from' needs the store to itself, and other tests use the common one

write() {
  local second=$1 output=$2
  spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "first"
run = "mkdir -p /destination; echo one > /destination/first"
[[phase]]
name = "second"
run = "$second"
[[phase]]
name = "third"
run = "cat /destination/* > /destination/third"
$output
TOML
}
plain='[output]
root = "/destination"'

write 'echo two > /destination/second' "$plain"
build_events "$scratch/1" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/1" step-done | grep -E 'first|second|third' | paste -sd' ')" \
  "first second third"
first_digest=${out##* }

# Nothing changed: nothing runs, and the image is the same, byte by byte.
began=$EPOCHSECONDS
build_events "$scratch/2" "$scratch/stage4.toml" --output "oci:$scratch/image-again"
assert_equal "$status" 0
assert_equal "$(events "$scratch/2" step-start)" "" "steps that ran in a second build"
assert_equal "$(events "$scratch/2" step-cached | paste -sd' ')" "base config first second third"
assert_equal "${out##* }" "$first_digest"
assert_equal "$(jq -s 'map(select(.event == "build-done")) | length' "$scratch/2")" 1
[[ $((EPOCHSECONDS - began)) -le 20 ]] || fail "a build of nothing took $((EPOCHSECONDS - began)) s"
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$(jq '[.steps[] | select(.cached | not)] | length' <<<"$out")" 0

# The last phase under another name: nothing runs.
sed -i 's,name = "third",name = "fourth",' "$scratch/stage4.toml"
build_events "$scratch/3" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/3" step-start)" "" "a name decides nothing"

# The last phase edited: only that runs.
sed -i 's,cat /destination,sort /destination,' "$scratch/stage4.toml"
build_events "$scratch/4" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/4" step-start | paste -sd' ')" "fourth"

# A phase in the middle: that and what stands upon it.
sed -i 's,echo two,echo zwei,' "$scratch/stage4.toml"
build_events "$scratch/5" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/5" step-start | paste -sd' ')" "second fourth"

# Back to what was there before: its records are still there.
write 'echo two > /destination/second' "$plain"
build_events "$scratch/6" "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/6" step-start)" ""
assert_equal "${out##* }" "$first_digest"

# The shape of the image reruns nothing.
for shape in 'layers = "single"' 'compression = "zstd"' 'compression = "none"' \
  '[output.config]
labels = { "org.example.shape" = "other" }'; do
  write 'echo two > /destination/second' "$plain"$'\n'"$shape"
  build_events "$scratch/7" "$scratch/stage4.toml" --output "oci:$scratch/image-7"
  assert_equal "$status" 0
  assert_equal "$(events "$scratch/7" step-start)" "" "steps run for: $shape"
  [[ ${out##* } != "$first_digest" ]] || fail "'$shape' changed nothing in the image"
  ok skopeo inspect "oci:$scratch/image-7"
done

# --from runs a phase anew although nothing changed.
write 'echo two > /destination/second' "$plain"
build_events "$scratch/8" "$scratch/stage4.toml" --from second --output "oci:$scratch/image"
assert_equal "$status" 0
assert_equal "$(events "$scratch/8" step-start | paste -sd' ')" "second third"

# --until stops there and writes no image.
rm -rf "$scratch/image-until"
build_events "$scratch/9" "$scratch/stage4.toml" --until second --output "oci:$scratch/image-until"
assert_equal "$status" 0
assert_missing "$scratch/image-until"
