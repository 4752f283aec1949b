#!/bin/bash
# A registry as the cache of two runners: what one has made the other takes, each with a store of its
# own: snapshots of phases, packages, caches. Who may not write still builds and takes; what is damaged
# or hostile there is made anew, and a registry that is gone costs a warning.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/registries.sh"

readonly usage=2
e2e_limit=200
graph=$scratch/repo
"$e2e_lib/graph.py" "$graph" --packages 4 >/dev/null
cd "$scratch"
{
  standin_head one | sed 's,^profile = .*,profile = "standin:standin/linux/amd64",'
  printf '%s\n' "[repos.graph]" "path = \"$graph\"" \
    "[[phase]]" 'name = "graph"' 'emerge = ["dev-graph/all"]' \
    "[[phase]]" 'name = "made"' 'run = """' \
    'mkdir -p /out/dir' 'head -c 100 /dev/urandom >/out/dir/random' 'ln /out/dir/random /out/link' \
    'chown 250:250 /out/dir' 'chmod 4711 /out/link' 'rm -rf /etc/skel /etc/init.d' 'mkdir /etc/skel' \
    'touch /etc/skel/new' 'echo line >>/var/cache/lines/file' 'wc -l </var/cache/lines/file' '"""' \
    "[[phase.mount]]" 'kind = "cache"' 'id = "lines"' 'target = "/var/cache/lines"' \
    "[[phase]]" 'name = "after"' 'run = "ls -A /etc/skel >/out/seen"' \
    "[output]" 'root = "/out"' "[output.check]" 'closure = false'
} >one.toml
compiled() {
  jq -r 'select(.event == "output") | .line | select(startswith("GRAPH-COMPILE")) | .[14:]' "$1" |
    LC_ALL=C sort
}
told() { jq -r --arg event "$2" 'select(.event == $event) | .message // .text' "$1"; }
forget() { # [PHASE-PATTERN]
  "$e2e_lib/in-ids" bash -c '
    rm -rf "$1"/packages/*
    grep -lE "\"phase\":\"($2)\"" "$1"/records/*.json | xargs -r rm' -- "$store" "${1:-graph}"
}

registry_start main
registry_login "$registry"
cache=registry=$registry/team/cache
build() { # of packages alone
  build_events events one.toml --until graph --ca "$registry_ca" --cache-snapshots never "$@"
}
packages=$({ basename -a "$graph"/dev-graph/p*; } | LC_ALL=C sort)
count=$(($(wc -l <<<"$packages") + 1))

own_store first
first() {
  build --cache-from "$cache" --cache-to "$cache"
  assert_equal "$status" 0
  assert_equal "$(compiled events)" "$packages"
  assert_contains "$(told events fact)" "$count packages ("
  assert_contains "$(told events fact)" "sent to 'docker://$registry/team/cache', 0 were there"
  assert_equal "$(api team/cache/tags/list | jq '.tags | length')" "$count"
  # Again: nothing is sent twice.
  build --cache-to "$cache"
  assert_contains "$(told events fact)" "0 packages (0 B) sent to 'docker://$registry/team/cache', $count were there"
}
cd "$scratch"
first
say "one runner writes: ok"

own_store second
second() {
  build --cache-from "$cache"
  assert_equal "$status" 0
  assert_equal "$(compiled events)" "" "compiled by the other runner"
  assert_matches "$(told events fact)" "graph: $count packages \\([0-9.]+ KiB\\) from 'docker://$registry/team/cache'"
}
second
forget
# Several are looked for at once, each with two requests, over no more than a few connections.
cut_start "$registry" 1000000000 0
registry_login "$cut"
asked() { grep -c "\"$1 /v2/team/cache/" "$scratch/main.log" || true; }
before=$(asked GET)
ok gbox plan one.toml --cache-from "registry=$cut/team/cache" --cache-snapshots never --ca "$registry_ca"
assert_contains "$out" "graph: $count packages, 0 in the store, $count from elsewhere, 0 to build"
assert_equal "$(($(asked GET) - before))" "$((2 * count))" "requests"
[[ $(cut_told most) -ge 2 && $(cut_told most) -le 5 ]] || fail "$(cut_told most) connections at once"
registry_login "$registry"
say "another takes: ok"

# --- snapshots and caches ---
whole() { build_events events one.toml --ca "$registry_ca" --output "oci:$1" "${@:2}"; }
fleet=registry=$registry/team/fleet
look() { ok gbox run after /bin/sh -c 'ls -lR --time-style=+%s /out /etc/skel; stat -c %h /out/link; ls /etc/init.d || true'; }
own_store first
snapshots() {
  local digest seen
  whole one --cache-from "$fleet" --cache-to "$fleet"
  assert_equal "$status" 0
  digest=$out
  assert_equal "$(events events step-start | grep -cxE 'graph|made|after')" 2 "graph is there"
  assert_contains "$(told events fact)" "3 snapshots ("
  assert_contains "$(told events fact)" "1 cache ("
  assert_equal "$(api team/fleet/tags/list | jq -c '[.tags[] | sub("-?[0-9a-f]{64}$"; "")] | group_by(.) |
    map([.[0], length])')" "[[\"\",$count],[\"cache\",1],[\"snapshot\",3]]"
  look
  seen=$out
  # The other runner, elsewhere, runs nothing, and has the same image to the byte: of random content.
  own_store second
  forget "graph|made|after"
  ok gbox plan one.toml --cache-from "$fleet" --ca "$registry_ca"
  assert_equal "$(grep -cE 'cached.*(graph|made|after).*from .docker://' <<<"$out")" 3
  whole two --cache-from "$fleet" --cache-to "$fleet"
  assert_equal "${out##* }" "${digest##* }"
  assert_equal "$(events events step-start)" "" "run although it was there"
  assert_equal "$(told events fact | grep -c '^snapshot of ')" 3
  assert_contains "$(told events fact)" "0 snapshots (0 B) written to 'docker://$registry/team/fleet', 3 were there"
  look
  assert_equal "$out" "$seen"
  assert_contains "$out" "/etc/skel:"
  # What is to run again does, with the cache that the other one has filled; and takes its place.
  whole two --from made --cache-from "$fleet" --cache-to "$fleet"
  assert_contains "$(told events fact)" "cache 'lines' ("
  assert_contains "$(jq -r 'select(.event == "output") | .line' events)" 2
  assert_contains "$(told events fact)" "2 snapshots ("
  digest=$out
  own_store first
  forget "made|after"
  whole one --cache-from "$fleet"
  assert_equal "${out##* }" "${digest##* }"
  # A layer is right upon the very files that it was made upon, and no others.
  forget "made|after"
  whole one
  forget after
  whole one --cache-from "$fleet" --cache-to "$fleet"
  assert_equal "$(events events step-start)" after
  assert_contains "$(told events fact)" "has another build of phase 'made': snapshots from there on are not written"
  assert_lacks "$(told events warning)" "--cache"
}
snapshots
say "a runner elsewhere runs nothing that one has run: ok"
hostile_snapshots() {
  local tags
  mapfile -t tags < <(api team/fleet/tags/list | jq -r '.tags[] | select(startswith("snapshot-"))')
  manifest() { api "team/fleet/manifests/$1" -H 'Accept: application/vnd.oci.image.manifest.v1+json'; }
  put() {
    api "team/fleet/manifests/$1" -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
      --data-binary @- >/dev/null
  }
  manifest "${tags[1]}" | put "${tags[0]}"
  manifest "${tags[0]}" | put "${tags[2]}"
  own_store second
  forget "graph|made|after"
  whole two --cache-from "$fleet" --cache-to "$fleet"
  assert_equal "$status" 0
  assert_contains "$(told events warning)" "is not taken: it is of another step, or upon another snapshot"
  # What was wrong has been written anew.
  forget "graph|made|after"
  whole two --cache-from "$fleet"
  assert_equal "$(events events step-start)" ""
  assert_lacks "$(told events warning)" "--cache"
}
hostile_snapshots
say "a snapshot of something else is run, and written anew: ok"

# A tag that stands for another package, and one for something else.
hostile() {
  mapfile -t tags < <(api team/cache/tags/list | jq -r '.tags[]' | LC_ALL=C sort)
  manifest() { api "team/cache/manifests/$1" -H 'Accept: application/vnd.oci.image.manifest.v1+json'; }
  put() { # TAG < MANIFEST
    api "team/cache/manifests/$1" -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
      --data-binary @- >/dev/null
  }
  manifest "${tags[1]}" | put "${tags[0]}"
  manifest "${tags[2]}" | jq -c '.artifactType = "application/vnd.example"' | put "${tags[2]}"
  forget
  build --cache-from "$cache" --cache-to "$cache"
  assert_equal "$status" 0
  assert_equal "$(told events warning | grep -c -- '--cache-from: .* is not taken: ')" 2
  assert_contains "$(told events warning)" "it is of key"
  assert_contains "$(told events warning)" "it is no package of gbox"
  # What was wrong has been written anew.
  forget
  build --cache-from "$cache"
  assert_equal "$(compiled events)" ""
  assert_equal "$(told events warning | grep -c -- '--cache' || true)" 0
}
hostile
say "what is hostile there is compiled: ok"

# Who may not write there, or nobody is there: a warning, and a build. All is in the store by now, so
# that only what is asked of the registry takes time.
registry_login "$registry" writer wrong
build --cache-to "$cache"
assert_equal "$status" 0
assert_contains "$(told events warning)" "--cache-to: $registry/team/cache: begin an upload: 401"
build --cache-to "registry=127.0.0.1:1/x"
assert_equal "$status" 0
assert_contains "$(told events warning)" "connect '127.0.0.1:1': Connection refused"
forget
for place in "$cache" registry=127.0.0.1:1/x; do
  ok gbox plan one.toml --cache-from "$place" --cache-snapshots never --ca "$registry_ca"
  assert_contains "$out" "graph: $count packages, 0 in the store, $count to build"
  assert_equal "$(grep -c -- '--cache-from' <<<"$err")" 1 "told once"
done
fails $usage gbox build one.toml --cache-from registry=team/cache
assert_error "--cache-from: 'docker://team/cache': no registry's host" "registry.example.org"
fails $usage gbox build one.toml --cache-from "$cache:tag"
assert_error "a tag or digest where only a repository is meant"
