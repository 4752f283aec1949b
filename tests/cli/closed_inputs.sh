#!/bin/bash
# Source archives and a repository that only their owner may read, as a strict umask leaves them:
# Portage unpacks and patches by an account of its own. And what a script's own emerge reads.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
cp -r "$(distfiles)" closed
cp -r "$(standin_repo)" repo
chmod -R go= closed repo

# closed_spec FILE LINE…: a phase of LINEs, over the copies that are closed.
closed_spec() {
  local file=$1
  shift
  {
    standin_head "${file%.toml}" |
      sed "s,^path = .*,path = \"$scratch/repo\",; s,^distfiles = .*,distfiles = \"$scratch/closed\","
    printf '%s\n' '[[phase]]' 'name = "p"' "$@"
  } >"$file"
  sed -i '/^make_conf/ i package_accept_keywords = { "app-demo/hello" = ["~amd64"] }' "$file"
}

# Portage reads ebuilds and the patches beside them by its account: here by a copy, made once.
mkdir repo/.git && echo x >repo/.git/secret
touch -d 2001-02-03 repo/profiles/repo_name
closed_spec hello.toml 'emerge = ["=app-demo/hello-1.1"]' \
  '[[phase]]' 'name = "look"' 'policy = "emerge"' \
  'run = "cd /var/db/repos/standin && stat -c %Y profiles/repo_name >/seen && find . ! -perm -444 -o -name .git >>/seen"'
ok gbox build hello.toml --output "oci:$scratch/image"
assert_contains "$err" "repository 'standin': '.' and perhaps more is closed to the account"
remedy=$(sed -n 's/.*at each change: //p' <<<"$err")
ok gbox run "oci:$scratch/image" -- hello --version
assert_contains "$out" 1.1
ok gbox run "oci:$scratch/image" -- cat /seen
assert_equal "$out" "$(date -d 2001-02-03 +%s)"
copies() { gbox cache ls --json </dev/null | jq '[.records[] | select(.step == "tree standin")] | length'; }
assert_equal "$(copies)" 1
# Nothing runs, so nothing is copied; opened by its owner, it is the same repository.
echo '# changed' >>repo/profiles/categories
sed -i 's/^priority = .*//' hello.toml
ok gbox plan hello.toml
assert_contains "$err" "steps see a copy"
assert_equal "$(copies)" 2
ok gbox build hello.toml --output "oci:$scratch/image"
assert_lacks "$err" "steps see a copy"
digest=$(jq -r '.manifests[0].digest' "$scratch/image/index.json")
eval "$remedy" && rm -r repo/.git
ok gbox verify --rebuild hello.toml --image "oci:$scratch/image"
assert_contains "$out" "$digest"
assert_lacks "$err" "steps see a copy"

# What a spec's own directory lacks is said before anything is compiled.
rm closed/greetgen-1.0.tar
closed_spec lacks.toml 'emerge = ["dev-demo/greetgen"]'
fails 4 gbox build lacks.toml --output "oci:$scratch/lacks" --store "$scratch/another"
assert_error "fetch distfiles: 1 of 1 could not be had" "place what is missing in '$scratch/closed'"

# A script sees the store's own archives, where the spec names no others.
cp "$(distfiles)/greetgen-1.0.tar" "$store/distfiles/"
chmod 644 "$store/distfiles/greetgen-1.0.tar"
closed_spec script.toml 'run = "emerge --quiet --oneshot dev-demo/greetgen"' 'policy = "emerge"'
sed -i '/^distfiles = /d' script.toml
ok gbox build script.toml --output "oci:$scratch/script"
