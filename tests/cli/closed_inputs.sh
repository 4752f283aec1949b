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

# hello-1.1 has a patch beside its ebuild: what will go wrong, and how to mend it, is said first.
closed_spec hello.toml 'emerge = ["=app-demo/hello-1.1"]'
fails 6 gbox build hello.toml --output "oci:$scratch/image"
assert_contains "$err" "repository 'standin': '.' and perhaps more may not be read by everybody"
remedy=$(sed -n 's/.*fails to read it: //p' <<<"$err")
eval "$remedy"
ok gbox build hello.toml --output "oci:$scratch/image"
ok gbox run "oci:$scratch/image" -- hello --version
assert_contains "$out" 1.1
assert_lacks "$err" "read by everybody"

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
