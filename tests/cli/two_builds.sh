#!/bin/bash
# Two builds at once on one store: each step is run by one of them, the other waits and takes its
# result; both write the same image. Builds of different specs do not wait for one another.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
spec "$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "merge"
emerge = ["app-demo/hello-classic"]
[[phase]]
name = "two"
run = "mkdir /destination; sleep 1; cp /usr/bin/hello-classic /destination/"
[output]
root = "/destination"
check = { closure = false } # a program without its libraries
TOML

start() {
  "$GBOX" build --progress json --output "oci:$scratch/image-$1" "$scratch/stage4.toml" \
    >"$scratch/out-$1" 2>"$scratch/events-$1" </dev/null &
  e2e_background+=($!)
}
start a
start b
for pid in "${e2e_background[@]}"; do
  wait "$pid" || {
    tail -n 5 "$scratch"/events-? >&2
    fail "a build failed beside another one"
  }
done
e2e_background=()

for step in base config merge two; do
  runs=$(cat "$scratch/events-a" "$scratch/events-b" | jq -r 'select(.event == "step-start") | .step' |
    grep -cx "$step") || true
  assert_equal "$runs" 1 "how often '$step' was run"
done
assert_equal "$(cut -d' ' -f2 "$scratch/out-a")" "$(cut -d' ' -f2 "$scratch/out-b")"
# Who waits says for whom.
waited=$(cat "$scratch"/events-? | jq -r 'select(.event == "waiting") | .for' | head -n 1)
assert_contains "$waited" "gbox build"

# Both write to the same layout: the last one to publish wins, the layout is never half.
for name in a b; do
  "$GBOX" build --progress none --output "oci:$scratch/image" "$scratch/stage4.toml" \
    >"$scratch/out-$name" 2>"$scratch/err-$name" </dev/null &
  e2e_background+=($!)
done
for pid in "${e2e_background[@]}"; do wait "$pid" || fail "two writers of one layout: $(cat "$scratch"/err-?)"; done
e2e_background=()
ok skopeo inspect "oci:$scratch/image"
