#!/bin/bash
# A step that means harm, or has gone mad, harms its own result: stubs, endless output, control
# characters, processes that do not want to end, names and modes that reach for the host.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
# hostile NAME SCRIPT [LINE…]: a build of one phase, as root of the sandbox with all that emerge has.
hostile() {
  local name=$1 script=$2
  shift 2
  {
    printf '[[phase]]\nname = "%s"\npolicy = "emerge"\n' "$name"
    printf "run = '''\n%s\n'''\n" "$script"
    printf '%b\n' "$@"
    printf '[output]\ncompression = "none"\n'
  } >"$scratch/body"
  spec "$scratch/$name.toml" "$name" <"$scratch/body"
  run gbox build --progress plain "$scratch/$name.toml" --output "oci:$scratch/$name"
}

# --- stubs: mount points made for a step are taken away again, and nothing that it put in their place ---
mkdir -p "$scratch/canary/b/c" # empty, as a stub would be
chmod -R 777 "$scratch/canary"
hostile stubs "mv /a /moved; ln -s $scratch/canary /a; ls -d /a/b/c || true" \
  '[[phase.mount]]\nkind = "tmpfs"\ntarget = "/a/b/c"'
assert_equal "$status" 0
assert_present "$scratch/canary/b/c"
assert_contains "$(layer_names "$scratch/stubs")" $'\na'
hostile stub-etc 'mv /etc /old; ln -s /old /etc; mv /a /old/; ln -s /old/a /a' \
  '[[phase.mount]]\nkind = "tmpfs"\ntarget = "/a/b"'
assert_equal "$status" 0
assert_contains "$(layer_names "$scratch/stub-etc")" $'\nold/passwd'

# --- output: a line of two gigabytes, and one of control characters ---
hostile long 'head -c 2G /dev/zero | tr "\0" x; echo; echo end of it; exit 3'
assert_equal "$status" 6
assert_contains "$err" "end of it"
ok gbox log --path long
[[ $(stat -c %s "$out") -le $((300 << 20)) ]] || fail "the log has $(stat -c %s "$out") bytes"
longest=$(awk '{ if (length > n) n = length } END { print n + 0 }' "$scratch/.err")
((longest < 10000)) || fail "a line of $longest characters was shown"
hostile control 'printf "\033]0;title\007\033[2J\033[31mred\b\b\r\x9b1mend\n"; exit 3'
assert_equal "$status" 6
assert_contains "$err" red
if grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$scratch/.err"; then
  fail "a control character reached the terminal: $(cat -v "$scratch/.err")"
fi

# --- processes that outlive the step, leave its session and ignore signals ---
hostile daemons '
for i in 1 2 3; do
  setsid bash -c "trap \"\" TERM HUP INT; exec -a gbox-hostile-$GBOX_TEST_MARK sleep 1000" </dev/null >/dev/null 2>&1 &
done
setsid bash -c "trap \"\" TERM; while :; do sleep 1000; done" & disown -a
sleep 0.3; echo started' \
  "env = { GBOX_TEST_MARK = \"$$\" }"
assert_equal "$status" 0
[[ -z $(pgrep -f "gbox-hostile-$$") ]] || fail "a process outlives its step"

# --- what it reaches for ---
uid=$(id -u)
hostile reach "
set +e
for pid in 1 2 \$PPID $$ $PPID; do kill -0 \$pid 2>/dev/null && readlink /proc/\$pid/exe; done | grep -v -e memfd -e bash
ls -d /home/* $HOME $scratch $store 2>/dev/null
cat /proc/1/environ | tr '\0' '\n' | grep -i gbox
mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
umount /sys 2>/dev/null && echo unmounted
mknod /dev/sda b 8 0 2>/dev/null && echo made a device
echo 1 >/proc/sys/kernel/sysrq 2>/dev/null && echo wrote a switch
ls /sys/class/net
id -u; cut -c1-40 /proc/self/uid_map"
assert_equal "$status" 0
ok gbox log reach
assert_contains "$out" $'\nlo\n0\n' # it has run to its end
for word in remounted unmounted 'made a device' 'wrote a switch' "$scratch" "$store"; do
  assert_lacks "$out" $'\n'"$word"
done

# --- the store stays the user's own, whatever a step gives its files ---
hostile modes 'cp /bin/true /root-shell && chown 0:0 /root-shell && chmod 6777 /root-shell
setcap cap_sys_admin+ep /bin/cat || true; mkdir -m 0000 /closed; : >/closed/file; chattr +i /closed || true'
assert_equal "$status" 0
assert_equal "$(stat -c %a "$store")" 700
assert_equal "$(stat -c %u "$store")" "$uid"
ok gbox cache gc --keep 0
ok gbox cache verify

# --- a full disk names itself, and the store goes on working ---
"$e2e_lib/in-ids" --mount true 2>/dev/null || skip "no mount namespace for a small disk"
ok "$e2e_lib/in-ids" --mount sh -ec '
  mount -t tmpfs -o size=600M tmpfs "$2"
  "$1" build --store "$2/store" "$3" --output "oci:$2/image" >"$2.out" 2>"$2.err" </dev/null || echo "status $?"
  rm -f "$2"/store/filler
  "$1" cache verify --store "$2/store" </dev/null' sh "$GBOX" "$(mkdir "$scratch/disk" && echo "$scratch/disk")" \
  "$(spec "$scratch/full.toml" full <<'TOML'
[[phase]]
name = "fill"
run = "head -c 2G /dev/zero >/filler; sync"
TOML
echo "$scratch/full.toml")"
assert_contains "$out" "status 6"
assert_matches "$(cat "$scratch/disk.err")" "[Nn]o space left"
