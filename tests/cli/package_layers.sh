#!/bin/bash
# Layers by package: together they are the tree that one layer of all is; there are never more than
# asked for; and an update of one package changes that package's layer and the one of what nobody
# owns, whether or not the database of packages is left in the image.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
graph=$scratch/repo
leaves=$("$e2e_lib/graph.py" "$graph" --packages 4)
leaf=${leaves##*/}
# layers_spec FILE LAYERS [PORTAGE [PHASES]]: an image of a root of its own, so that it is small
layers_spec() {
  {
    standin_head layers | sed 's,^profile = .*,profile = "standin:standin/linux/amd64",'
    printf '%s\n' "[repos.graph]" "path = \"$graph\"" '[output]' 'root = "/target"' \
      'compression = "none"' \
      'check.closure = false' "$2" '[[phase]]' 'name = "graph"' 'root = "/target"' \
      'emerge = ["dev-graph/all"]' '[[phase]]' 'name = "own"' \
      'run = "mkdir -p /target/srv/empty; echo mine >/target/srv/own; dd if=/dev/zero of=/target/usr/bin/graph-p00 bs=1K count=900 oflag=append conv=notrunc; chmod 1777 /target/srv"' \
      "${4:-}"
  } | awk -v portage="${3:-}" '{ print } /^make_conf/ && portage != "" { print portage }' >"$1"
}
tree_of() { # LAYOUT
  rm -rf "$scratch/tree" 2>/dev/null || "$e2e_lib/in-ids" rm -rf "$scratch/tree"
  mkdir "$scratch/tree"
  "$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$1" "$scratch/tree"
  "$e2e_lib/in-ids" python3 "$e2e_lib/tree.py" --times "$scratch/tree"
}
layers_of() { jq -r '.layers[].digest' "$(image_manifest "$1")"; }
titles_of() { jq -r '.history[].created_by' "$(image_blob "$1" "$(jq -r .config.digest "$(image_manifest "$1")")")"; }

layers_spec "$scratch/single.toml" 'layers = "single"'
ok gbox build "$scratch/single.toml" --output "oci:$scratch/single"
layers_spec "$scratch/package.toml" 'layers = "package"'
ok gbox build "$scratch/package.toml" --output "oci:$scratch/package"
tree_of "$scratch/single" >"$scratch/single.txt"
tree_of "$scratch/package" >"$scratch/package.txt"
diff "$scratch/single.txt" "$scratch/package.txt" >"$scratch/diff" ||
  fail "layers by package are another tree: $(head -n 20 "$scratch/diff")"
assert_contains "$(titles_of "$scratch/package")" "gbox: package dev-graph/p00:0"
assert_contains "$(titles_of "$scratch/package")" "gbox: files of no package"
assert_contains "$(cut -f9 "$scratch/package.txt")" $'\nsrv/empty\n'
[[ $(layers_of "$scratch/package" | wc -l) -gt 2 ]] || fail "fewer than three layers"
# Again, from what is remembered.
ok gbox build "$scratch/package.toml" --output "oci:$scratch/again"
assert_equal "$(layers_of "$scratch/again")" "$(layers_of "$scratch/package")"

# Few layers, and the same tree.
layers_spec "$scratch/few.toml" $'layers = "package"\nmax_layers = 2'
ok gbox build "$scratch/few.toml" --output "oci:$scratch/few"
[[ $(layers_of "$scratch/few" | wc -l) -le 2 ]] || fail "more layers than asked for"
tree_of "$scratch/few" >"$scratch/few.txt"
diff "$scratch/single.txt" "$scratch/few.txt" >/dev/null || fail "two layers are another tree"

# A package that nothing else needs is built otherwise: its layer and no other package's changes.
update() { # NAME [PHASES]: an image before and after
  layers_spec "$scratch/$1-old.toml" 'layers = "package"' "" "${2:-}"
  layers_spec "$scratch/$1-new.toml" 'layers = "package"' 'package_use = { "dev-graph/'"$leaf"'" = ["loud"] }' "${2:-}"
  ok gbox build "$scratch/$1-old.toml" --output "oci:$scratch/$1-old"
  ok gbox build "$scratch/$1-new.toml" --output "oci:$scratch/$1-new"
  changed=$(comm -13 <(layers_of "$scratch/$1-old" | sort) <(layers_of "$scratch/$1-new" | sort) | wc -l)
  [[ $changed -ge 1 && $changed -le 2 ]] ||
    fail "$changed layers changed: $(diff <(titles_of "$scratch/$1-old") <(titles_of "$scratch/$1-new"))"
}
update kept
ok gbox image diff "oci:$scratch/kept-old" "oci:$scratch/kept-new"
assert_contains "$out" "~ dev-graph/$leaf 1  USE +loud"
update trimmed $'[[phase]]\nname = "trim"\nroot = "/target"\nremove = ["/var/db"]'
assert_contains "$(titles_of "$scratch/trimmed-new")" "gbox: package dev-graph/p00:0"
