#!/bin/bash
# What a step may do is told, traced, narrowed and widened by name; what nothing lifts stays shut.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store

# --- the policies themselves ---
ok gbox policy ls
for name in emerge run strict fetch; do
  grep -qE "^$name +[A-Za-z]" <<<"$out" || fail "'$name' is not listed"
done
ok gbox policy ls --json
assert_equal "$(jq -r 'map(.policy) | join(" ")' <<<"$out")" "emerge fetch run strict"
ok gbox policy show strict
assert_contains "$out" "setuid programs gain nothing"
assert_contains "$out" "root of the step may change files"
ok gbox policy explain ioctl
assert_matches "$out" "refused when argument 2 is one of 0x5412, 0x541c, EPERM: TIOCSTI"
assert_matches "$out" "allowed by group 'files'"
assert_contains "$out" "policies/bounds.toml:"
ok gbox policy explain unshare --policy strict --json
assert_equal "$(jq -r '.policies.strict[0] | .answer + " " + .errno' <<<"$out")" "refused EPERM"
assert_equal "$(jq -r .numbers.i386 <<<"$out")" 310
ok gbox policy explain sysfs --policy run
assert_matches "$out" "unknown, ENOSYS"
fails 2 gbox policy explain unsahre
assert_error "'unsahre'" "did you mean 'unshare'"
fails 2 gbox policy show strikt
assert_error "'strikt'" "did you mean 'strict'"

# --- a file of one's own: every fault with its place ---
cat >"$scratch/own.toml" <<'TOML'
about = "mine"
network = "none"
syscalls = ["files", "memory", "processes", "ips"]
[[capability]]
names = ["CHWON", "SYS_MODULE"]
why = "wants them"
[[refuse]]
calls = ["reed"]
TOML
fails 2 gbox policy check "$scratch/own.toml"
for fault in "own.toml:3:12: unknown group of system calls 'ips'" "did you mean 'ipc'" \
  "own.toml:5:9: unknown capability 'CHWON'" "no policy grants 'SYS_MODULE': power over the whole" \
  "own.toml:7:1: 'why' is missing" "own.toml:8:9: unknown system call 'reed'"; do
  assert_contains "$err" "$fault"
done
cat >"$scratch/own.toml" <<'TOML'
about = "mine"
network = "none"
syscalls = ["files", "memory", "processes", "ipc"]
refusals = ["kernel", "keys", "io_uring", "personality", "namespaces", "trace"]
TOML
ok gbox policy check "$scratch/own.toml"
assert_contains "$out" "allows nothing beyond 'emerge' and 'run'"

# --- in a step ---
call='python3 -c "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in sys.argv[1:]:
    libc.syscall(int(number), 0, 0, 0, 0, 0)
    print(number, os.strerror(ctypes.get_errno()) if ctypes.get_errno() else 0)
"'
build_phase() { # KEYS SCRIPT [OPTION…]: a phase 'p' with these keys
  spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "p"
$1
run = '''
$2
'''
TOML
  run gbox build "$scratch/stage4.toml" --output "oci:$scratch/image" --progress plain --verbose "${@:3}"
}

# Each refusal is told once, with its rule, and the step sees the same.
build_phase "" "$call 321 321 425 139" --trace-policy --verbose
assert_equal "$status" 0
assert_matches "$err" "policy 'run' refused 'bpf' \(pid [0-9]+, 'python3[.0-9]*'\): EPERM, runs code.*policies/bounds.toml:[0-9]+"
assert_matches "$err" "refused 'io_uring_setup' .*ENOSYS"
assert_matches "$err" "does not know 'sysfs' .*ENOSYS"
assert_equal "$(grep -c "refused 'bpf'" <<<"$err")" 1
assert_contains "$err" "321 Operation not permitted"
ok gbox log p
assert_contains "$out" "refused 'bpf'"
# Without it nobody is told, and nothing is built again for having it.
ok gbox build "$scratch/stage4.toml" --until p
assert_lacks "$err" "refused 'bpf'"
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$(jq -r '.steps[] | select(.name == "p") | .cached' <<<"$out")" true
assert_equal "$(jq -r '.policies[0] | .policy + (.widened | length | tostring)' <<<"$out")" run0

# Also where gbox answers other calls of the step itself.
if "$GBOX" build --help | grep -q -- --id-map; then
  own_store single
  build_phase "" "chown 33:33 /tmp; $call 321" --id-map single --trace-policy
  assert_equal "$status" 0
  assert_matches "$err" "refused 'bpf' \(pid [0-9]+, 'python3"
  own_store store
fi

# A failure that may be the policy's names the way to find out.
build_phase "" "$call 321; echo 'x: Operation not permitted' >&2; exit 1"
assert_equal "$status" 6
assert_contains "$err" "--trace-policy"

# Of a command and of a shell.
run gbox run --trace-policy p -- /bin/sh -c 'setarch i386 -X true; true'
assert_equal "$status" 0
assert_matches "$err" "refused 'personality' unless argument 1 is one of 0, 8, 0x20000.*policies/refusals.toml"
ok gbox run p -- setarch -R true

# --- narrowing ---
build_phase 'narrow = { capabilities = ["CHOWN"], groups = ["namespaces"], calls = ["symlink", "symlinkat"] }' \
  'unshare -U true && exit 1; ln -s a b && exit 1; touch f; chown 5 f && exit 1; true'
assert_equal "$status" 0
build_phase 'narrow = { capabilities = ["SYS_ADMIN"], groups = ["files"] }' true
assert_equal "$status" 2
assert_contains "$err" "policy 'run' does not grant 'SYS_ADMIN'"
assert_contains "$err" "no program starts without the group 'files'"

# --- widening: only with a reason, never past the bounds, and for everybody to see ---
build_phase 'widen = { calls = ["io_uring_setup"] }' true
assert_equal "$status" 2
assert_error "'widen' does not say why" "why = "
build_phase 'widen = { calls = ["init_module", "open_by_handle_at"], capabilities = ["SYS_RAWIO"], why = "x" }' true
assert_equal "$status" 2
for fault in "no policy allows 'init_module': the whole machine's" \
  "no policy allows 'open_by_handle_at': opens files by number" "no policy grants 'SYS_RAWIO'"; do
  assert_contains "$err" "$fault"
done
why="the database's own tests"
sleep 1 # logs of one step are told apart by the second
build_phase "widen = { capabilities = [\"SYS_NICE\"], calls = [\"io_uring_setup\"], why = \"$why\" }" \
  "$call 425 321; grep CapEff /proc/self/status"
assert_equal "$status" 0
for place in "$err" "$(gbox log p)"; do
  assert_contains "$place" "policy 'run', widened by capability SYS_NICE, system call io_uring_setup: $why"
done
assert_contains "$err" "425 Bad address"
assert_contains "$err" "321 Operation not permitted"
ok gbox plan "$scratch/stage4.toml"
assert_contains "$out" "widened by capability SYS_NICE"
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$(jq -r '.policies[0].why' <<<"$out")" "$why"
label=$(skopeo inspect --config "oci:$scratch/image" | jq -r '.config.Labels["gbox.policy.widened"]')
assert_contains "$label" "p: run and capability SYS_NICE, system call io_uring_setup ($why)"
ok gbox policy explain io_uring_setup "$scratch/stage4.toml" --phase p
assert_contains "$out" "allowed by group 'widen': $why"
# The reason alone is no other step; what it is a reason for is.
ok gbox plan --json "$scratch/stage4.toml"
before=$(jq -r '.steps[] | select(.name == "p") | .key' <<<"$out")
sed -i "s/$why/other words/" "$scratch/stage4.toml"
ok gbox plan --json "$scratch/stage4.toml"
assert_equal "$(jq -r '.steps[] | select(.name == "p") | .key' <<<"$out")" "$before"
sed -i 's/"SYS_NICE"/"SYS_RESOURCE"/' "$scratch/stage4.toml"
ok gbox plan --json "$scratch/stage4.toml"
[[ $(jq -r '.steps[] | select(.name == "p") | .key' <<<"$out") != "$before" ]] || fail "no other key"

# --- a file as a phase's policy: as a part of gbox's own without a word, beyond it with a reason ---
build_phase 'policy = "./own.toml"' "unshare -U true && exit 1; grep NoNewPrivs /proc/self/status"
assert_equal "$status" 0
sed -i '/^refusals/d' "$scratch/own.toml"
build_phase 'policy = "./own.toml"' true
assert_equal "$status" 2
assert_error "policy './own.toml' allows more than 'run': .*personality" "say why"
build_phase "policy = \"./own.toml\"
widen = { why = \"$why\" }" "$call 321"
assert_equal "$status" 0
assert_contains "$err" "321 Operation not permitted"
assert_contains "$err" "policy './own.toml', widened by"

# --- a file that hides, makes read-only and limits; and the network that it allows at most ---
{
  sed "s/^network = .*/network = \"none\"/" "$scratch/own.toml"
  printf '%s\n' '[[hide]]' 'paths = ["/etc/hostname-of-base", "/usr/share"]' 'why = "not its business"' \
    '[[read_only]]' 'paths = ["/etc"]' 'why = "it looks only"' \
    '[[resource]]' 'name = "nofile"' 'most = 99' 'why = "few files"' '[limits]' 'time = "90s"'
} >"$scratch/places.toml"
ok gbox policy show "$scratch/places.toml"
assert_contains "$out" "  /etc/hostname-of-base /usr/share
      not its business" "  nofile = 99: few files" "  time = 90s"
build_phase "policy = \"./places.toml\"
widen = { why = \"$why\" }" 'ls -A /usr/share; ulimit -n; touch /etc/x; exit 1'
assert_equal "$status" 6
ok gbox log p
assert_contains "$out" "
99
touch: cannot touch '/etc/x': Read-only file system"
build_phase "policy = \"./places.toml\"
network = \"host\"
widen = { why = \"$why\" }" true
assert_equal "$status" 2
assert_error "asks for network 'host', and policy './places.toml' allows 'none' at most" "take another policy"
sed -i 's/"90s"/"3s"/' "$scratch/places.toml"
build_phase "policy = \"./places.toml\"
widen = { why = \"$why\" }
limits = { time = \"1h\" }" 'sleep 1000'
assert_equal "$status" 6
assert_error "ended at its limit 'time = 3s' \(.*places.toml:[0-9]+:"
sed -i 's/"3s"/"1x"/' "$scratch/places.toml"
fails 2 gbox policy check "$scratch/places.toml"
assert_error "places.toml:.*'time': '1x' is no such limit" "write a number and a unit"

# --- strict: no way to other users, namespaces or other processes ---
build_phase 'policy = "strict"' 'unshare -U true && exit 1; su -s /bin/sh nobody -c true && exit 1
mount -t tmpfs none /mnt && exit 1; chroot / true && exit 1; echo x > /x; chown 5 /x'
assert_equal "$status" 0
build_phase 'policy = "strikt"' true
assert_equal "$status" 2
assert_error "no policy 'strikt'" "did you mean 'strict'"
