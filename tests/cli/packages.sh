#!/bin/bash
# An emerge phase is merged package by package, several built at once: killed wherever it may be,
# each package is compiled once; what one spec has compiled serves another; what changed is compiled
# again, with all that depends on it and nothing else; and the result is the one of building one
# after the other, and of a plain emerge.
# GBOX_TEST_GRAPH=40 takes a larger graph.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

readonly size=${GBOX_TEST_GRAPH:-7}
RANDOM=${GBOX_TEST_SEED:-$$}
say "seed ${GBOX_TEST_SEED:-$$}"
own_store store
graph=$scratch/repo
leaves=$("$e2e_lib/graph.py" "$graph" --packages "$size")
leaf=${leaves##*/}

# graph_spec FILE NAME EMERGE [PORTAGE [PHASES]]
graph_spec() {
  local file=$1 name=$2 atoms=$3 portage=${4:-} extra=${5:-} # lines of [portage]; tables before it
  {
    standin_head "$name" | sed 's,^profile = .*,profile = "standin:standin/linux/amd64",'
    printf '%s\n' "[repos.graph]" "path = \"$graph\""
    [[ -z $extra ]] || printf '%s\n' "$extra"
    # The base is packed for each image; what is compressed is not the point here.
    printf '%s\n' '[output]' 'compression = "none"' "[[phase]]" 'name = "graph"' "emerge = [$atoms]"
  } | awk -v portage="$portage" '{ print } /^make_conf/ && portage != "" { print portage }' >"$file"
}
# The packages of a build's events that were made by a kind of step: EVENTS EVENT
packages_of() { events "$1" "$2" | sed -n 's,^graph/dev-graph/,,p' | LC_ALL=C sort; }
# What was compiled, by the packages' own word.
compiled() { jq -r 'select(.event == "output") | .line | select(startswith("GRAPH-COMPILE")) | .[14:]' "$1" | LC_ALL=C sort; }
# What a build would compile.
to_build() {
  ok gbox plan --json "$1"
  printf '%s\n' "$out" >"$scratch/plan"
  jq -r '.steps[] | select(.package != null and (.cached | not)) | .package' <<<"$out" | LC_ALL=C sort
}

# --- killed at random packages ---
spec_file=$scratch/stage4.toml
graph_spec "$spec_file" graph '"dev-graph/all"'
: >"$scratch/done"
for ((round = 0; round < 3; round++)); do
  "$GBOX" build --progress json "$spec_file" --output "oci:$scratch/image" \
    >/dev/null 2>"$scratch/events-$round" </dev/null &
  pid=$!
  e2e_background+=("$pid")
  wanted=$((RANDOM % 3 + 1))
  for ((wait = 0; wait < 1200; wait++)); do
    [[ $(packages_of "$scratch/events-$round" step-done 2>/dev/null | wc -l) -lt $wanted ]] || break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  sleep "0.$((RANDOM % 9))"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  # The last line may be half written.
  sed -i '$ { /}$/! d }' "$scratch/events-$round"
  packages_of "$scratch/events-$round" step-done >>"$scratch/done"
done
build_events "$scratch/events" "$spec_file" --output "oci:$scratch/image"
assert_equal "$status" 0
packages_of "$scratch/events" step-done >>"$scratch/done"
LC_ALL=C sort "$scratch/done" >"$scratch/all-done"
assert_equal "$(uniq -d "$scratch/all-done")" "" "packages that were made more than once"
assert_equal "$(wc -l <"$scratch/all-done")" "$((size + 1))" "packages made in all runs together"

# Side by side: some were begun before the one before them had ended.
at_once() { # EVENTS…: the most packages that were being built at a time
  cat "$@" | jq -rn '[inputs | select(.event | IN("step-start", "step-done")) |
    select(.step | startswith("graph/dev-graph/"))] |
    reduce .[] as $e ({now: 0, most: 0};
      .now += (if $e.event == "step-start" then 1 else -1 end) | .most = ([.most, .now] | max)) | .most'
}
most=0
for events in "$scratch"/events-? "$scratch/events"; do
  count=$(at_once "$events")
  ((count <= most)) || most=$count
done
assert_equal "$most" 2 "packages built at once"

# --- nothing to do; and what a build would do, asked of a plan ---
ok gbox plan --json "$spec_file"
assert_equal "$(jq '[.steps[] | select(.cached | not)] | length' <<<"$out")" 0
# Every package that has $1 among what it is built with, itself included; with 'any', also those
# that only run with it.
dependents() {
  python3 - "$graph" "$1" "${2:-built}" <<'P'
import glob, os, re, sys
graph, start, mode = sys.argv[1:]
deps, runs = {}, {}
for path in glob.glob(f"{graph}/*/*/*.ebuild"):
    name = os.path.basename(os.path.dirname(path))
    text = open(path).read()
    field = lambda word: set(re.findall(r"/([a-z0-9-]+)", (re.search(rf'^{word}="(.*)"', text, re.M) or [0, ""])[1]))
    deps[name] = field("DEPEND") | field("BDEPEND")
    runs[name] = field("RDEPEND")
    if mode == "any":
        deps[name] |= runs[name]
def closure(names):
    seen = set()
    todo = list(names)
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += runs.get(one, ())
    return seen
hit = {start}
while True:
    more = {name for name in deps if closure(deps[name]) & hit} - hit
    if not more:
        break
    hit |= more
print("\n".join(sorted(hit)))
P
}
cpvs() { sed 's,^,dev-graph/,; s,$,-1,; s,dev-graph/graph-any-1,virtual/graph-any-0,' | LC_ALL=C sort; }
flagged() { graph_spec "$scratch/$1.toml" graph '"dev-graph/all"' "package_use = { \"dev-graph/$2\" = [\"loud\"] }"; }

flagged leaf "$leaf"
assert_equal "$(to_build "$scratch/leaf.toml")" "dev-graph/$leaf-1" "a flag of a leaf"
assert_matches "$(jq -r '.steps[] | select(.package == "dev-graph/'"$leaf"'-1") | .reason' "$scratch/plan")" \
  "USE of dev-graph/$leaf-1: -loud → loud"
# All that a plan tells of them: the one that is built costs what it did with the other flag.
jq -e --arg leaf "dev-graph/$leaf-1" '
  (.packages | length > 3) and (.packages[] | select(.package == $leaf) |
    .step == "graph/\($leaf[:-2])" and .use[0] == "loud" and .binary == null and .seconds > 0 and
    (.depends.build | length > 0) and (.depends.build[0] | has("root") and .installed == false)) and
  all(.packages[] | select(.package != $leaf); .binary == {"from": "store"}) and
  .estimate.unknown == 0 and .estimate.seconds > 0 and .fetch.files == 0 and .later == []
  ' "$scratch/plan" >/dev/null || fail "$(jq -c 'del(.steps)' "$scratch/plan")"
ok env LC_ALL=C.UTF-8 "$GBOX" plan --tree "$scratch/leaf.toml"
assert_matches "$out" $'^dev-graph/all-1:0::graph  in the store\n├── dev-graph/'
assert_matches "$out" "dev-graph/$leaf-1:[0-9/]+::graph  USE=\"loud\"  USE of .*: -loud → loud  about [0-9]+ "
assert_matches "$out" 'dev-graph/p00-1:0::graph \[to build( and run)?\]  USE="-loud"  in the store'
assert_matches "$out" 'dev-graph/p00-1:0::graph \[to build( and run)?\]  \(above\)'
assert_matches "$out" 'graph: [0-9]+ packages, [0-9]+ in the store, 1 to build, about [0-9]+ (s|min)'
assert_matches "$out" 'graph: nothing to fetch'
flagged library p01
assert_equal "$(to_build "$scratch/library.toml")" "$(dependents p01 | cpvs)" "a flag of a library"
graph_spec "$scratch/order.toml" graph "$(tr ' ' '\n' <<<"$leaves" | tac | sed 's/.*/"&"/' | paste -sd,)"
assert_equal "$(to_build "$scratch/order.toml")" "" "another order"
graph_spec "$scratch/other.toml" another '"dev-graph/p03"'
assert_equal "$(to_build "$scratch/other.toml")" "" "another spec"
# What builds need goes to '/', and what is asked for, with the same, to the phase's root.
graph_spec "$scratch/root.toml" rooted '"dev-graph/p03"' && echo 'root = "/destination"' >>"$scratch/root.toml"
assert_equal "$(to_build "$scratch/root.toml")" "" "in another root"
assert_equal "$(jq -r '.steps[].name' "$scratch/plan" | grep -c '^graph/dev-graph/p0[0-3]@/$')" \
  "$(jq -r '.steps[].name' "$scratch/plan" | grep -c '^graph/dev-graph/p0[0-2]$')"
echo "# changed" >>"$graph/eclass/graph.eclass"
assert_equal "$(to_build "$spec_file" | wc -l)" "$size" "a changed eclass"
sed -i '$ d' "$graph/eclass/graph.eclass"
assert_equal "$(to_build "$spec_file")" "" "the eclass as it was"

# --- one of them for real: only what the plan said is compiled, and why ---
build_events "$scratch/events" "$scratch/leaf.toml" --output "oci:$scratch/leaf"
assert_equal "$status" 0
assert_equal "$(compiled "$scratch/events")" "$leaf"
ok gbox why "graph/dev-graph/$leaf"
assert_equal "$out" "rebuilt because  USE of dev-graph/$leaf-1: -loud → loud"
build_events "$scratch/events" "$scratch/other.toml" --output "oci:$scratch/other"
assert_equal "$status" 0
assert_equal "$(compiled "$scratch/events")" "" "compiled for the other spec"
build_events "$scratch/events" "$scratch/root.toml" --output "oci:$scratch/rooted"
assert_equal "$status" 0
assert_equal "$(compiled "$scratch/events")" "" "compiled for another root"
assert_contains "$(layer_names "$scratch/rooted")" destination/usr/bin/graph-p03

# --- a failure costs the package that failed ---
mkdir "$scratch/etc"
echo "$leaf" >"$scratch/etc/graph-break"
graph_spec "$scratch/broken.toml" broken '"dev-graph/all"' \
  "package_use = { \"dev-graph/$leaf\" = [\"loud\"] }
env = { \"broken.conf\" = { BROKEN = \"1\" } }
package_env = { \"dev-graph/$leaf\" = [\"broken.conf\"] }" \
  "[[phase]]
name = \"break\"
copy = [{ from = \"etc/graph-break\", to = \"/etc/graph-break\" }]"
build_events "$scratch/events" "$scratch/broken.toml" --output "oci:$scratch/broken" --retry 1
assert_equal "$status" 6
assert_equal "$(compiled "$scratch/events")" "$leaf"$'\n'"$leaf" "compiled, and once more"
assert_matches "$(jq -r 'select(.event == "error") | .message' "$scratch/events")" \
  "phase 'graph', dev-graph/$leaf-1 \\([0-9]+ of [0-9]+\\): compile failed"
ok gbox log "graph/dev-graph/$leaf"
assert_contains "$out" "asked to break"
run_with_input 'pwd; type -t graph_note; echo "S is $S"' gbox shell "$scratch/broken.toml" graph
assert_contains "$out" "/var/tmp/portage/dev-graph/$leaf-1/work"
assert_contains "$out" $'\nfunction\n'
assert_contains "$out" "S is /var/tmp/portage/dev-graph/$leaf-1/work"
: >"$scratch/etc/graph-break"
build_events "$scratch/events" "$scratch/broken.toml" --output "oci:$scratch/broken"
assert_equal "$status" 0
assert_equal "$(compiled "$scratch/events")" "$leaf"
ok gbox log graph
assert_contains "$out" "GRAPH-COMPILE $leaf"

# --- told to keep going, all is built that does not depend on what failed ---
echo p02 >"$scratch/etc/graph-break"
: >"$scratch/etc/graph-hungry"
all_loud() {
  graph_spec "$scratch/$1.toml" "$1" '"dev-graph/all"' 'use = ["loud"]' \
    "[[phase]]
name = \"break\"
copy = [{ from = \"etc/graph-break\", to = \"/etc/graph-break\" },
        { from = \"etc/graph-hungry\", to = \"/etc/graph-hungry\" }]"
}
all_loud going
build_events "$scratch/events" "$scratch/going.toml" --output "oci:$scratch/going" --keep-going
assert_equal "$status" 6
dependents p02 any >"$scratch/lost"
names=$(for ((i = 0; i < size; i++)); do printf 'p%02d\n' "$i"; done)
built_anyway=$(comm -23 <(echo "$names") <(LC_ALL=C sort "$scratch/lost"))
assert_equal "$(packages_of "$scratch/events" step-done)" "$built_anyway" \
  "built though p02 failed"
error=$(jq -r 'select(.event == "error") | .message' "$scratch/events")
assert_matches "$error" "phase 'graph': 1 of [0-9]+ packages failed"
assert_matches "$error" "dev-graph/p02-1 \\([0-9]+ of [0-9]+\\): compile failed"
assert_matches "$error" "not built, as they need these: .*'dev-graph/all-1'"
# The rest, one of them with less memory than it takes at first.
: >"$scratch/etc/graph-break"
echo p02 >"$scratch/etc/graph-hungry"
build_events "$scratch/events" "$scratch/going.toml" --output "oci:$scratch/going" --jobs 4
assert_equal "$status" 0
assert_equal "$(compiled "$scratch/events" | uniq | sort -u)" "$(sed '/^all$/ d; /^graph-any$/ d' "$scratch/lost" | LC_ALL=C sort)"
assert_contains "$(jq -r 'select(.event == "warning") | .message' "$scratch/events")" \
  "'graph/dev-graph/p02' ran out of memory at '-j"
assert_equal "$(jq -r 'select(.event == "output") | .line | select(startswith("GRAPH-JOBS"))' "$scratch/events" |
  tail -n 1)" "GRAPH-JOBS -j1"

# --- a damaged binary package is noticed, and built again ---
"$e2e_lib/in-ids" bash -c '
  find "$1/packages" -name "p00-1*.gpkg.tar" | while read -r file; do
    printf x | dd of="$file" bs=1 seek=2000 conv=notrunc status=none
  done' -- "$store"
graph_spec "$scratch/after.toml" after '"dev-graph/p00", "dev-graph/p01"' \
  'package_accept_keywords = { "dev-graph/p02" = ["~amd64"] }'
build_events "$scratch/events" "$scratch/after.toml" --output "oci:$scratch/after"
assert_equal "$status" 0
assert_equal "$(compiled "$scratch/events" | head -n 1)" p00
assert_contains "$(jq -r 'select(.event == "warning") | .message' "$scratch/events")" damaged

# --- as a plain emerge makes it ---
{
  standin_head plain | sed 's,^profile = .*,profile = "standin:standin/linux/amd64",'
  printf '%s\n' "[repos.graph]" "path = \"$graph\"" "[[phase]]" 'name = "graph"' \
    'run = "emerge --quiet-build=n dev-graph/all"' 'policy = "emerge"'
} >"$scratch/plain.toml"
ok gbox build "$scratch/plain.toml" --output "oci:$scratch/plain"
# Named and excluded: what tells when, by which emerge and from which binary package.
content() {
  local target=$scratch/content
  mkdir "$target"
  "$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$1" "$target"
  "$e2e_lib/in-ids" bash -c '
    cd "$1/var/db/pkg"
    rm -f */*/{BUILD_TIME,BINPKGMD5,COUNTER,BUILD_ID,environment.bz2,SIZE,metadata}
    sed -i -E "s/ [0-9]+$//" */*/CONTENTS
    sed -i -E "s/(^| )buildpkg( |\$)/\1/" */*/FEATURES
    rm -rf "$1"/var/{log,cache,lib/portage/preserved_libs_registry}' -- "$target"
  "$e2e_lib/in-ids" python3 "$e2e_lib/tree.py" "$target"
  "$e2e_lib/in-ids" rm -rf "$target"
}
# One after the other, from nothing.
ok gbox build --store "$scratch/alone-store" "$spec_file" --output "oci:$scratch/alone" --emerge-jobs 1
# The whole image, whatever was killed, compiled, or merged from a binary package on the way.
assert_equal "$(jq -r '.manifests[0].digest' "$scratch/alone/index.json")" \
  "$(jq -r '.manifests[0].digest' "$scratch/image/index.json")" "one after the other"
content "$scratch/image" >"$scratch/image.txt"
content "$scratch/alone" >"$scratch/alone.txt"
diff "$scratch/alone.txt" "$scratch/image.txt" || fail "not as one after the other makes it"
content "$scratch/plain" >"$scratch/plain.txt"
diff "$scratch/plain.txt" "$scratch/image.txt" || fail "not as a plain emerge makes it"
assert_contains "$(cut -f8 "$scratch/image.txt")" $'\nusr/bin/graph-p00\n'
