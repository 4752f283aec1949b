#!/bin/bash
# What the files of an image need is in it, or the build says what is lacking, which package has it
# and which phase took it out; what the image starts exists, and answers.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
own_store store # what lies in it is tampered with

readonly phases='
[[phase]]
name = "tools"
emerge = ["app-demo/hello"]
[[phase]]
name = "fill"
root = "/destination"
run = """
root=/destination
mkdir -p $root/usr/bin $root/usr/lib $root/usr/lib64 $root/etc $root/opt
ln -s usr/bin $root/bin; ln -s usr/lib $root/lib; ln -s usr/lib64 $root/lib64
for program in bash cat hello; do
  cp /usr/bin/$program $root/usr/bin/
  ldd /usr/bin/$program | grep -o \"/[^ ]*\" | while read -r file; do
    cp -L --parents $file $root/
  done
done
ln -s bash $root/usr/bin/sh
echo \"root:x:0:0:root:/root:/bin/bash\" > $root/etc/passwd
"""'

# image FILE MORE: a spec whose output is /destination.
image() {
  spec "$1" closure <<<"$phases
$2"
}

# --- all is there ---
file=$scratch/whole.toml
image "$file" '[output]
root = "/destination"
[output.config]
entrypoint = ["hello"]
user = "root"
[output.check]
answer = ["/usr/bin/hello", "/bin/sh -c exit"]'
build_events "$scratch/events" "$file" --output "oci:$scratch/whole"
assert_equal "$status" 0
facts=$(jq -r 'select(.event == "fact" and .subject == "check") | .text' "$scratch/events")
assert_matches "$facts" "^closure complete: [0-9]+ programs and libraries"
assert_contains "$facts" "/usr/bin/hello  answers"
assert_matches "$(jq -r 'select(.event == "warning") | .message' "$scratch/events")" \
  "'user' 'root': its home '/root' is no directory of the image"
config=$(image_blob "$scratch/whole" "$(jq -r .config.digest "$(image_manifest "$scratch/whole")")")
assert_equal "$(jq -r '.architecture + " " + .config.User' "$config")" "$(
  case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac
) 0:0"

# --- what was found is remembered, until something of it is another ---
library=$("$e2e_lib/in-ids" find "$GBOX_STORE/snapshots" -path '*/fs/destination/usr/lib*' -name 'libgreet.so.2*' -type f -printf './%P\n')
[[ $library == ./*libgreet* ]] || fail "libgreet is at '$library'"
# Snapshots may share the file by hard links.
while read -r path; do "$e2e_lib/in-ids" mv "$GBOX_STORE/snapshots/$path" "$GBOX_STORE/snapshots/$path.away"; done <<<"$library"
build_events "$scratch/again" "$file" --output "oci:$scratch/again-image"
assert_equal "$status" 0
assert_equal "$(jq -r 'select(.event == "fact" and .subject == "check") | .text' "$scratch/again")" "$facts"
warned() { jq -c 'select(.event == "warning" and (.message | startswith("check image")))' "$1"; }
assert_equal "$(warned "$scratch/again")" "$(warned "$scratch/events")"
sed -i 's/, "\/bin\/sh -c exit"//' "$file"
fails 7 gbox build "$file" --output "oci:$scratch/again-image"
assert_error "'/usr/bin/hello'.* needs 'libgreet.so"
while read -r path; do "$e2e_lib/in-ids" mv "$GBOX_STORE/snapshots/$path"{.away,}; done <<<"$library"

# --- all that is lacking is told at once, with packages and phases ---
readonly broken='
[[phase]]
name = "break"
root = "/destination"
run = """
printf \"#!/usr/bin/perl -w\\n\" > /destination/usr/bin/report
printf \"#!/usr/bin/env python9\\n\" > /destination/usr/bin/other
chmod +x /destination/usr/bin/report /destination/usr/bin/other
ln -s libgone.so.1 /destination/usr/lib/libgone.so
cp /usr/bin/hello /destination/usr/bin/foreign
printf \"\\\\026\\\\000\" | dd of=/destination/usr/bin/foreign bs=1 seek=18 conv=notrunc status=none
"""
[[phase]]
name = "trim"
root = "/destination"
remove = ["/usr/lib*/libgreet*", "/usr/lib*/*/libgreet*"]
'
file=$scratch/broken.toml
image "$file" "$broken
[output]
root = \"/destination\"
[output.config]
entrypoint = [\"/usr/sbin/hello\"]
user = \"www\""
fails 7 gbox build "$file" --output "oci:$scratch/broken"
assert_missing "$scratch/broken"
assert_error "'/usr/bin/hello'.* needs 'libgreet.so.[0-9]*', which is not in the image" \
  "phase 'trim' took '[^']*libgreet[^']*' out, which 'dev-demo/libgreet-[0-9.]*' had brought"
assert_error "'/usr/bin/report' is a script for '/usr/bin/perl', which is not in the image" \
  "merge 'dev-lang/perl-"
assert_error "'/usr/bin/other' is a script for '/usr/bin/env'"
assert_error "the link '/usr/lib/libgone.so' leads to '/usr/lib/libgone.so.1'" \
  "add '/usr/lib/libgone.so' to 'remove' of a phase"
assert_error "'entrypoint' '/usr/sbin/hello' does not exist \(found: '/usr/bin/hello'\)"
assert_error "broken.toml:[0-9]+:[0-9]+: check image: 'user' 'www' is not in '/etc/passwd' of the image" \
  "packages like 'acct-user/www' do, or write the number"
assert_error "'/usr/bin/foreign'.* is for 's390x', the image's other programs are for '$(uname -m)'" \
  "add '/usr/bin/foreign' to 'allow'"
run gbox build --progress json "$file" --output "oci:$scratch/broken"
assert_equal "$(jq -r 'select(.event == "error") | .faults | length' <<<"$err")" 7
assert_equal "$(jq -r 'select(.event == "step-start") | .step' <<<"$err")" "" "finished steps stay"

# --- what is allowed is not told; what allows nothing is ---
image "$file" "$broken
[output]
root = \"/destination\"
[output.config]
entrypoint = [\"/usr/bin/bash\"]
[output.check]
allow = [\"libgreet.so.*\", \"/usr/bin/report\", \"/usr/bin/env\", \"/usr/lib/libgone.so\", \"/usr/bin/foreign\",
         \"/opt/*\"]"
ok gbox build "$file" --output "oci:$scratch/allowed"
assert_matches "$err" "closure.*toml:[0-9]+:[0-9]+: '/opt/\*' allows nothing"
image "$file" "$broken
[output]
root = \"/destination\"
check = { closure = false }"
ok gbox build "$file" --output "oci:$scratch/unchecked"
assert_contains "$err" "neither 'entrypoint' nor 'cmd' says what to start"

# --- what does not answer ---
image "$file" '[output]
root = "/destination"
[output.check]
answer = ["/usr/bin/cat /none", "/usr/bin/hello"]'
fails 7 gbox build "$file" --output "oci:$scratch/mute"
assert_error "check image: '/usr/bin/cat /none' exits with 1" "it must exit with 0"
assert_contains "$err" "No such file"
assert_missing "$scratch/mute"

# --- of '/' only what is started is looked at, unless more is asked for ---
readonly root='
[[phase]]
name = "odd"
run = """
printf \"#!/usr/bin/nowhere\\n\" > /usr/local/bin/odd; chmod +x /usr/local/bin/odd
printf \"#!/bin/bash\\n\" > /usr/local/bin/even
"""
[output]
compression = "none"
layers = "single"
'
spec "$file" closure <<<"$root"
ok gbox build "$file" --output "oci:$scratch/root"
assert_contains "$err" "neither 'entrypoint' nor 'cmd' says what to start"
spec "$file" closure <<<"$root
[output.config]
cmd = []"
ok gbox build "$file" --output "oci:$scratch/root"
assert_lacks "$err" "check image"
spec "$file" closure <<<"$root
[output.config]
cmd = [\"odd\"]"
fails 7 gbox build "$file" --output "oci:$scratch/root-2"
assert_error "check image: '/usr/local/bin/odd' is a script for '/usr/bin/nowhere'"
spec "$file" closure <<<"$root
[output.config]
cmd = [\"/usr/local/bin/even\"]"
fails 7 gbox build "$file" --output "oci:$scratch/root-2"
assert_error "check image: 'cmd' '/usr/local/bin/even' is not executable" "0755"
