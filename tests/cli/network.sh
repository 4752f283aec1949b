#!/bin/bash
# A step has no network, one of its own for fetching, or this machine's: as the spec says and no more.
# What each reaches, seen from real steps; what is missing on the host is said before anything runs.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/mirror.sh"

mkdir "$scratch/www"
echo canary >"$scratch/www/canary"
mirror_start canary "$scratch/www"
port=${mirror_port[canary]}

readonly connect='
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
    print("REACHED")
except OSError as error:
    print("NOT REACHED", type(error).__name__)'
# Each phase tells what it reaches, and the file that names are resolved by.
network_spec() {
  spec "$scratch/$1.toml" "network-$1" <<TOML
[[phase]]
name = "step"
$2
run = '''
echo "round \${round}"
for address in 127.0.0.1 10.0.2.2 $(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 '\.' || true); do
  python3 -c '$connect' "\$address" $port
done
cat /etc/resolv.conf 2>/dev/null || true
echo mark >/mark
'''
[output]
compression = "none"
TOML
}
outputs() { jq -r 'select(.event == "output") | .line' "$scratch/events"; }

network_spec none ''
build_events "$scratch/events" "$scratch/none.toml" --output "oci:$scratch/none"
assert_equal "$status" 0
assert_equal "$(outputs | grep -c '^REACHED')" 0 "reached without a network"
assert_contains "$(outputs)" 'NOT REACHED'

network_spec host 'network = "host"'
build_events "$scratch/events" "$scratch/host.toml" --output "oci:$scratch/host"
assert_equal "$status" 0
assert_contains "$(outputs)" $'\nREACHED\n'
[[ ! -s /etc/resolv.conf ]] || assert_contains "$(outputs)" "$(head -n 1 /etc/resolv.conf)"

# Reachable for ordinary users is what the next needs of the machine, and nothing else.
network_spec fetch 'network = "fetch"'
if (: <>/dev/net/tun) 2>/dev/null; then
  for helper in pasta slirp4netns; do
    GBOX_NETWORK_HELPER=$helper build_events "$scratch/events" --set "round=$helper" \
      "$scratch/fetch.toml" --output "oci:$scratch/fetch-$helper"
    assert_equal "$status" 0
    assert_equal "$(outputs | grep -c '^REACHED')" 0 "of this machine's loopback, with $helper"
    assert_contains "$(outputs)" "nameserver 10.0.2.3"
    # Nothing of it stays.
    assert_equal "$(layer_names "$scratch/fetch-$helper" | grep -c resolv.conf)" 0
    [[ -z $(pgrep -u "$(id -u)" -f "$helper.*proc/self/fd/0") ]] || fail "$helper outlives its step"
  done
else
  fails 3 gbox build "$scratch/fetch.toml" --output "oci:$scratch/fetch"
  assert_error "open '/dev/net/tun'" "/dev/net/tun"
fi
GBOX_NETWORK_HELPER=nothing fails 3 gbox build "$scratch/fetch.toml" --output "oci:$scratch/x"
assert_error "fetch.toml:.*: network 'fetch' of phase 'step': neither 'pasta' nor 'slirp4netns' is in PATH" "passt"
assert_missing "$scratch/x"

# A command in an image, likewise.
ok gbox run "oci:$scratch/none" -- python3 -c "$connect" 127.0.0.1 "$port"
assert_matches "$out" '^NOT REACHED'
ok gbox run --network host "oci:$scratch/none" -- python3 -c "$connect" 127.0.0.1 "$port"
assert_equal "$out" REACHED
fails 2 gbox run --network all "oci:$scratch/none" -- true
assert_error "'--network'" "'none', 'fetch' and 'host'"
