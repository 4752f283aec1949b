#!/bin/bash
# However often and wherever a build is killed, it leaves no process and no mount, and the next one
# goes on; at the end the image is the one an undisturbed build makes.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly kills=20
RANDOM=${GBOX_TEST_SEED:-$$}
say "seed ${GBOX_TEST_SEED:-$$}"
mark="4711.$$" # seconds that nobody else sleeps

# Phases of about a second: plain ones with a child that leaves its session behind, and emerge.
spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "seed"
run = "mkdir -p /destination; echo \${round} > /destination/round; setsid sleep $mark & sleep 1"
[[phase]]
name = "many"
run = """
mkdir /destination/many
for i in \$(seq 300); do echo \$i > /destination/many/\$i; done
(trap '' TERM; exec sleep $mark) &
sleep 0.7; rm /destination/many/7
"""
[[phase]]
name = "merge"
emerge = ["app-demo/hello-classic"]
[[phase]]
name = "copy"
run = "cp -a /usr/bin/hello-classic /destination/; sleep 0.5; head -c 20000000 /dev/zero > /destination/zero"
[[phase]]
name = "last"
run = "sleep 0.5; find /destination | LC_ALL=C sort > /tmp/list; cp /tmp/list /destination/"
[output]
root = "/destination"
check = { closure = false } # a program without its libraries
TOML

# What is in the image, without times.
content() {
  rm -rf "$scratch/applied"
  mkdir "$scratch/applied"
  "$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$1" "$scratch/applied"
  "$e2e_lib/in-ids" python3 "$e2e_lib/tree.py" "$scratch/applied"
  "$e2e_lib/in-ids" rm -rf "$scratch/applied"
}

# Nothing of the build may be left: the step's own children, gbox itself, mounts of the store.
nothing_left() {
  local try
  # The kernel ends a pid namespace by itself, but not at the instant its parent dies.
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if ! pgrep -f "sleep $mark" >/dev/null && ! pgrep -f "$scratch/stage4.toml" >/dev/null; then
      break
    fi
    [[ $try -lt 10 ]] || fail "left after $1: $(pgrep -af "sleep $mark|$scratch/stage4.toml")"
    sleep 0.3
  done
  ! grep -F "$scratch" /proc/self/mountinfo || fail "a mount is left after $1"
}

own_store killed
signals=(KILL KILL TERM INT)
landed=0
round=0
rounds_done=0
while [[ $landed -lt $kills ]]; do
  signal=${signals[landed % 4]}
  # As from a terminal: a process group of its own, all of which gets Ctrl-C.
  set -m
  gbox_plain=("$GBOX" build --set "round=$round" --progress plain --output "oci:$scratch/image"
    "$scratch/stage4.toml")
  "${gbox_plain[@]}" >"$scratch/out" 2>"$scratch/err" </dev/null &
  pid=$!
  set +m
  # Up to five seconds, at any point; early ones more often, for the base and for starting up.
  sleep "$((RANDOM % 5)).$((RANDOM % 10))$((RANDOM % 10))"
  if [[ $signal == INT ]]; then
    kill -INT -- "-$pid" 2>/dev/null || true
  else
    kill -"$signal" "$pid" 2>/dev/null || true
  fi
  status=0
  wait "$pid" || status=$?
  case $status in
    0)
      # Done before the signal came: the next round has work again.
      round=$((round + 1)) rounds_done=$((rounds_done + 1))
      [[ $rounds_done -lt 40 ]] || fail "the builds end before they can be killed"
      continue
      ;;
    130) [[ $signal == INT ]] || fail "exit status 130 after SIG$signal" ;;
    143) [[ $signal == TERM ]] || fail "exit status 143 after SIG$signal" ;;
    137) [[ $signal == KILL ]] || fail "exit status 137 after SIG$signal" ;;
    *)
      cat "$scratch/err" >&2
      fail "exit status $status after SIG$signal"
      ;;
  esac
  landed=$((landed + 1))
  nothing_left "SIG$signal number $landed"
done
say "$landed kills landed, $rounds_done builds were faster"

# The next build goes on, and its image is whole.
rm -rf "$scratch/image"
ok gbox build --set "round=$round" --output "oci:$scratch/image" "$scratch/stage4.toml"
nothing_left "the last build"
ok skopeo inspect "oci:$scratch/image"
content "$scratch/image" >"$scratch/killed.tree"
[[ $(wc -l <"$scratch/killed.tree") -gt 300 ]] || fail "the image is too small"
# Whatever was half done has gone, too.
left=$(find "$store/work" -mindepth 1 -maxdepth 1 | wc -l)
assert_equal "$left" 0 "directories of dead builds"

own_store undisturbed
ok gbox build --set "round=$round" --output "oci:$scratch/undisturbed-image" "$scratch/stage4.toml"
content "$scratch/undisturbed-image" >"$scratch/undisturbed.tree"
diff "$scratch/undisturbed.tree" "$scratch/killed.tree" >"$scratch/diff" ||
  fail "the images differ: $(head -n 20 "$scratch/diff")"
