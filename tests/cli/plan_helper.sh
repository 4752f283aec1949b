#!/bin/bash
# What gbox learns from the image's own Portage before a phase is what emerge then does: packages in
# merge order, roots, files to fetch, reasons for having no plan; by the helper and, where
# Portage's internals are not as it knows them, by the text that emerge prints.
#
# usage: plan_helper.sh [ASK_PLAN]   (default: beside $GBOX, in the build directory)
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
# With a metadata cache gbox tells much of this without asking Portage.
export GBOX_TEST_REPO=$e2e_root/tests/standin/repo

ask_plan=${1:-$(dirname "$GBOX")/../../tests/unit/build/ask_plan}
[[ -x $ask_plan ]] || die "there is no '$ask_plan'" "give ASK_PLAN, or set GBOX"
own_store store
cd "$scratch"

# A repository of this test's own beside the stand-in's, for what that one has no package for.
repo=$scratch/repo
mkdir -p "$repo"/{profiles,metadata,eclass,app-test/{shop,live,renamed,engine,helper,maker,addon}}
echo extra >"$repo/profiles/repo_name"
echo app-test >"$repo/profiles/categories"
printf 'masters = standin\nthin-manifests = true\nsign-manifests = false\n' >"$repo/metadata/layout.conf"
ebuild() { # PACKAGE TEXT
  printf 'EAPI=8\nDESCRIPTION="for tests"\nHOMEPAGE="https://standin.invalid/"\nS="${WORKDIR}"\nLICENSE="standin"\nSLOT="0"\nKEYWORDS="amd64"\n%s\n' \
    "$2" >"$repo/app-test/$1/$1-1.ebuild"
}
dist() { # PACKAGE FILE CONTENT
  printf 'DIST %s %d BLAKE2B %s SHA512 %s\n' "$2" "${#3}" "$(printf %s "$3" | b2sum | cut -d' ' -f1)" \
    "$(printf %s "$3" | sha512sum | cut -d' ' -f1)" >>"$repo/app-test/$1/Manifest"
}
ebuild shop 'SRC_URI="https://shop.standin.invalid/shop-1.zip"
RESTRICT="fetch"
pkg_nofetch() { einfo "buy it"; }'
dist shop shop-1.zip 'sold'
ebuild live 'PROPERTIES="live"
IUSE="docs"'
ebuild renamed 'IUSE="docs"
SRC_URI="https://up.standin.invalid/v1.tar -> renamed-1.tar docs? ( https://up.standin.invalid/docs.tar )"
src_unpack() { :; }'
dist renamed renamed-1.tar 'renamed'
dist renamed docs.tar 'docs'

# A build with an eclass that overrides the stand-in's, a tool whose run-time dependency it has not
# named, an alternative that is not there yet (it follows maker), and one that never is.
printf 'EXTRA=1\n' >"$repo/eclass/extra.eclass"
printf 'IUSE="savedconfig"\n' >"$repo/eclass/savedconfig.eclass" # Gentoo's is read by its name
# As old as the one it overrides: Portage's own list of eclasses then names the other one.
cp -p "$e2e_root/tests/standin/repo/eclass/standin-make.eclass" "$repo/eclass"
ebuild engine ''
ebuild helper 'IUSE="cold"
RDEPEND="!cold? ( app-test/engine:= ) cold? ( app-shells/bash )"'
ebuild maker 'inherit extra savedconfig standin-make
SRC_URI=""
BDEPEND="|| ( app-test/helper app-test/addon app-test/none )"
PDEPEND="app-test/addon"'
ebuild addon 'RDEPEND="app-test/maker"'

config=$scratch/portage
mkdir -p "$config"/{profile,savedconfig/app-test,env/app-test,patches/app-test/{maker,maker:0,maker-1}}
echo '# sourced for each package' | tee "$config"/{bashrc,profile/profile.bashrc,env/app-test/maker} >/dev/null
for name in maker/a maker/b maker/c maker:0/a maker-1/b maker/unused; do
  echo "+ $name" >"$config/patches/app-test/$name.patch"
done
echo 'FEATURE=y' | tee "$config/savedconfig/app-test"/{maker-1,maker,addon} >/dev/null
: >"$config/patches/app-test/maker-1/c.patch" # an empty one takes the other of its name away
mv "$config/patches/app-test/maker/unused"{.patch,.txt}

spec "$scratch/stage4.toml" <<TOML
[repos.extra]
path = "$repo"
priority = -10
[portage.package_use]
"app-demo/hello" = ["shout", "greeting_styles_formal"]
"app-test/maker" = ["savedconfig"]
[portage.package_env]
"app-test/maker" = ["quick"]
[portage.env.quick]
CFLAGS = "-O1"
FEATURES = "nostrip parallel-fetch"
NINJAOPTS = "-j3 -k 0"
SWITCH_OF_AN_ECLASS = "on"
[[phase]]
name = "tool"
emerge = ["dev-demo/greetgen"]
TOML
sed -i "s,^\[portage\]$,&\nconfig_dir = \"$config\"," "$scratch/stage4.toml"
# The phase that is asked comes after 'tool', so that nothing else is built.
one_phase() { # NAME TOML
  cp "$scratch/stage4.toml" "$scratch/one.toml"
  printf '[[phase]]\nname = "%s"\n%s\n' "$1" "$2" >>"$scratch/one.toml"
}
ask_one() { # NAME TOML [MIRROR…]
  one_phase "$1" "$2"
  timeout --kill-after=10 300 "$ask_plan" "$scratch/one.toml" "$store" "$1" "${@:3}"
}
# What emerge did, from its log: 'CPV ROOT' in order.
merged() {
  gbox log "$1" </dev/null |
    sed -n 's/^>>> Emerging ([0-9]* of [0-9]*) \([^ ]*\)::[^ ]*\( for \(.*\)\)\{0,1\}$/\1 \3/p' |
    sed 's,\(.\)/$,\1,; s, $, /,'
}
# What an answer says about one package.
of() { # CPV ROOT ANSWER
  awk -v start="P $1 $2 " 'index($0, "P ") == 1 { on = index($0, start) == 1 } on' <<<"$3"
}
planned() { sed -n 's/^P \([^ ]*\) \([^ ]*\) ebuild merge$/\1 \2/p' <<<"$1"; }

# --- what is asked is what emerge then does, left alone ---
ok gbox build "$scratch/stage4.toml"
compare() { # NAME TOML EMERGE-ARGUMENTS
  ok ask_one "$1" "$2"
  answer=$out
  assert_contains "$answer" "S data 3."
  assert_lacks "$answer" "W "
  one_phase "$1-alone" "run = 'emerge --nospinner $3'"
  ok gbox build "$scratch/one.toml"
  assert_equal "$(planned "$answer")" "$(merged "$1-alone")" "$1"
  [[ -n $(planned "$answer") ]] || fail "emerge merged nothing in '$1'"
}
compare merge 'emerge = ["app-demo/hello", "virtual/greeter", "app-demo/phrasebook"]' \
  'app-demo/hello virtual/greeter app-demo/phrasebook'
merge=$answer
compare root $'root = "/destination"\nemerge = ["app-demo/hello-classic"]' \
  '--root=/destination app-demo/hello-classic'
assert_contains "$merge" "U greeting_styles_formal shout -greeting_styles_casual -test"
assert_contains "$merge" "N dev-demo/libgreet-2.0 / build build-slot run run-slot"
assert_contains "$merge" "N dev-demo/greetgen-1.0 / build"
assert_contains "$merge" "F hello-1.0.tar 20480 2"
assert_lacks "$merge" "P dev-demo/greetgen" # it is there already
assert_contains "$answer" "P dev-demo/libgreet-1.0 /destination ebuild merge"
# What is for another root is never there when a package is built.
classic=$(of app-demo/hello-classic-1.0 /destination "$answer")
assert_equal "$(grep -c '^B dev-demo/libgreet-1.0$' <<<"$classic")" 1
assert_lacks "$(of dev-demo/libgreet-1.0 / "$answer")" "B dev-demo/libgreet-1.0"

# --- phases without a plan ---
masked() {
  # Asked for by name it would be refused before Portage is asked, unless autounmask may help.
  fails 5 ask_one masked 'emerge = ["app-demo/restricted"]
options = ["--autounmask=y"]'
  assert_matches "$err" "one.toml:[0-9:]*: plan of phase 'masked': 'app-demo/restricted' needs 'app-demo/restricted-1.0', which is masked"
  assert_contains "$err" "'app-demo/restricted-1.0': the licence 'standin-eula' is not accepted"
  assert_contains "$err" "hint: 'gbox plan --write $scratch/one.toml' makes of the spec:"
  assert_matches "$err" 'hint: [^ ]*one.toml:[0-9]+: package_unmask = \["=app-demo/restricted-1.0"\]'
  assert_matches "$err" 'hint: [^ ]*one.toml:[0-9]+: package_license."app-demo/restricted" = \["standin-eula"\]'
}
unstable() {
  fails 5 ask_one unstable 'emerge = ["=app-demo/hello-1.1"]'
  assert_contains "$err" "needs 'app-demo/hello-1.1', which is only '~amd64'"
  assert_contains "$err" 'package_accept_keywords."=app-demo/hello-1.1" = ["~amd64"]'
}
unknown() {
  # Known before Portage is asked; what only Portage finds is in the unit tests.
  fails 2 ask_one unknown 'emerge = ["app-demo/hallo"]'
  assert_contains "$err" "no package 'app-demo/hallo' in repositories"
}
flag() {
  fails 5 ask_one flag 'emerge = ["app-demo/slow[long-pause]"]'
  assert_contains "$err" "needs 'app-demo/slow-1.0' with 'long-pause'"
  assert_matches "$err" 'one.toml:[0-9]+: "app-demo/slow" = \["long-pause"\]'
}
# All of it at once, in the spec's own words, and nothing else of the spec.
write() {
  local spec=$scratch/one.toml before
  one_phase write 'emerge = ["app-demo/slow[long-pause]", "=app-demo/hello-1.1", "app-demo/restricted"]'
  # Another configuration is another 'tool', which then would have to be built first.
  sed -i '/^\[\[phase\]\]$/ { N; /"tool"/ { N; d } }
    s/^"app-test\/maker" = \["savedconfig"\]/&  # kept/' "$spec"
  chmod 640 "$spec"
  cp "$spec" before.toml
  fails 2 gbox plan "$spec" # what is asked for and masked is known without Portage
  ok gbox plan --write --tree "$spec"
  assert_matches "$err" 'write +[^ ]*one.toml:[0-9]+: "app-demo/slow" = \["long-pause"\]'
  assert_matches "$out" 'app-demo/slow-1.0:0::standin  USE="long-pause'
  assert_equal "$(diff before.toml "$spec" | grep '^[<>]' | LC_ALL=C sort)" \
    '> "app-demo/slow" = ["long-pause"]
> package_accept_keywords."=app-demo/hello-1.1" = ["~amd64"]
> package_license."app-demo/restricted" = ["standin-eula"]
> package_unmask = ["=app-demo/restricted-1.0"]'
  assert_equal "$(stat -c %a "$spec")" 640
  before=$(<"$spec")
  ok gbox plan --write --json "$spec"
  assert_equal "$(<"$spec")" "$before"
  assert_equal "$(jq -r '.packages[].package' <<<"$out" | LC_ALL=C sort | head -n 1)" app-demo/hello-1.1
  assert_equal "$(jq -c '.packages[] | select(.package == "app-demo/hello-1.1") | .depends.build[0]' <<<"$out")" \
    '{"package":"dev-demo/libgreet-2.0","root":"/","installed":false}'
}
check "masked and under a licence: both remedies" masked
check "only unstable: the keyword" unstable
check "no such package" unknown
check "a flag that is not set: the flag" flag
check "all of these, written into the spec" write

# --- what decides the build of a package ---
toolchain="B sys-devel/binutils-2.40 installed
B sys-devel/gcc-12.2.0 installed
B sys-kernel/linux-headers-6.1 installed"
decides() {
  local maker addon first
  ok ask_one decides 'emerge = ["sys-libs/glibc", "app-test/maker"]'
  first=$out
  maker=$(of app-test/maker-1 / "$out")
  addon=$(of app-test/addon-1 / "$out")
  # Its tool, what the tool runs with, and the compiler: the C library that is there by then is the
  # plan's. The addon comes later, though it could serve as the tool.
  assert_equal "$(planned "$out" | cut -d' ' -f1 | tail -1)" app-test/addon-1
  assert_equal "$(grep '^B' <<<"$maker" | LC_ALL=C sort)" \
    "$(printf 'B app-test/%s-1\n' engine helper)"$'\n'"$toolchain"$'\nB sys-libs/glibc-2.36'
  assert_contains "$(of sys-libs/glibc-2.36 / "$out")" "B sys-libs/glibc-2.36 installed"
  assert_equal "$(grep '^[EHA]' <<<"$maker")" "E extra /var/db/repos/extra/eclass/extra.eclass
E savedconfig /var/db/repos/extra/eclass/savedconfig.eclass
E standin-make /var/db/repos/extra/eclass/standin-make.eclass
H /etc/portage/bashrc
H /etc/portage/env/app-test/maker
A /etc/portage/patches/app-test/maker:0/a.patch
A /etc/portage/patches/app-test/maker-1/b.patch
A /etc/portage/savedconfig/app-test/maker-1"
  assert_equal "$(grep '^[EHA]' <<<"$addon")" "H /etc/portage/bashrc"
  assert_contains "${out%%$'\n'P *}" "H /etc/portage/profile/profile.bashrc"

  assert_equal "$(grep -E '^V (CFLAGS|FEATURES|MAKEOPTS|NINJAOPTS|SWITCH_.*|USE)=' <<<"$maker")" "V CFLAGS=-O1
V FEATURES=binpkg-docompress binpkg-dostrip fixlafiles nostrip xattr
V NINJAOPTS=-k 0
V SWITCH_OF_AN_ECLASS=on
V USE=amd64"
  assert_equal "$(grep -E '^V (CFLAGS|FEATURES|MAKEOPTS|NINJAOPTS|SWITCH_.*|USE)=' <<<"$addon")" "V CFLAGS=-O2 -pipe
V FEATURES=binpkg-docompress binpkg-dostrip fixlafiles xattr
V USE=amd64"
  assert_contains "$addon" "V GBOX_TEST=${scratch##*/}" # make.conf's own, whatever it is for
  # No place, job, terminal or way to fetch, and so the same with other jobs, in another directory.
  if grep -E '^V ([A-Z_]*DIR|HOME|PATH|TERM|ROOT|GREETING_STYLES|IUSE.*|.*(proxy|MIRRORS|COMMAND_.*))=' <<<"$addon"; then
    fail "what does not decide is there"
  fi
  sed -i 's/^\[build\]$/&\njobs = 3\nload_average = 2/' "$scratch/stage4.toml"
  ok ask_one decides 'emerge = ["sys-libs/glibc", "app-test/maker"]'
  assert_equal "$out" "$first"
}
check "variables, eclasses, scripts, patches and packages that a build takes" decides

# --- what may not be fetched, and what fetches while it is built ---
shop() {
  mkdir -p "$scratch/nothing"
  fails 4 ask_one shop 'emerge = ["app-test/shop", "app-test/live"]' "$scratch/nothing"
  assert_contains "$out" "F shop-1.zip 4 2 manual"
  assert_contains "$out" "'app-test/live-1' fetch while they are built"
  assert_contains "$err" "'shop-1.zip' ('app-test/shop-1'): it may not be fetched by programs"
  assert_contains "$err" "get 'shop-1.zip' (4 B) from 'https://shop.standin.invalid/shop-1.zip' and place it in '$store/distfiles'"
}
check "RESTRICT=fetch: who, from where, to where" shop

# --- fetched by the name that SRC_URI gives, with the USE that the phase has ---
mirror() {
  local hash
  hash=$(printf %s renamed-1.tar | b2sum | cut -c1-2)
  mkdir -p "$scratch/mirror/distfiles/$hash"
  printf '[structure]\n0=filename-hash BLAKE2B 8\n' >"$scratch/mirror/distfiles/layout.conf"
  printf renamed >"$scratch/mirror/distfiles/$hash/renamed-1.tar"
  ok ask_one renamed 'emerge = ["app-test/renamed"]' "$scratch/mirror"
  assert_contains "$out" "D renamed-1.tar"
  assert_lacks "$out" "docs.tar"
  assert_equal "$(cat "$store/distfiles/renamed-1.tar")" renamed
}
check "a renamed file comes from the mirror's layout" mirror

# --- an image whose Portage is another one ---
# Appends to a module of the image's Portage in a phase before the one that is asked.
ask_changed() { # NAME MODULE <<PYTHON
  local python
  python=$(cat)
  # The stand-in's compiled modules are never compared with their source.
  one_phase change "run = '''
file=\$(python3 -c 'import $2; print($2.__file__)')
rm \"\$(python3 -c 'import $2; print($2.__cached__)')\"
cat >>\"\$file\" <<\"PYTHON\"
$python
PYTHON
'''
[[phase]]
name = \"$1\"
emerge = [\"app-demo/hello\", \"app-test/renamed\"]"
  ok gbox build "$scratch/one.toml" --until change
  run timeout --kill-after=10 300 "$ask_plan" "$scratch/one.toml" "$store" "$1"
}
liar() {
  ask_changed liar portage.manifest <<'PYTHON'
_truth = Manifest.getTypeDigests
def _lie(self, kind):
    found = {name: dict(digests) for name, digests in _truth(self, kind).items()}
    for digests in found.values():
        digests["SHA512"] = "0" * 128
    return found
Manifest.getTypeDigests = _lie
PYTHON
  [[ $status -eq 5 ]] || fail "exit status $status instead of 5"
  assert_contains "$err" "the image's Portage gives another size or digest for"
}
stranger() {
  ask_changed stranger _emerge.depgraph <<'PYTHON'
def _hide(self, name):
    import sys
    if name == "altlist" and sys._getframe(1).f_code.co_name == "part":
        raise AttributeError(name)
    return object.__getattribute__(self, name)
depgraph.__getattribute__ = _hide
PYTHON
  [[ $status -eq 0 ]] || fail "exit status $status instead of 0"
  assert_contains "$out" "S text 'depgraph' has no 'altlist'"
  assert_contains "$out" "P app-demo/hello-1.0 / ebuild merge"
  assert_contains "$out" "because the image's Portage is not as gbox knows it"
  # Sizes and digests are the Manifests' then.
  assert_contains "$out" "F hello-1.0.tar 20480 2"
  assert_contains "$out" "F renamed-1.tar 7 2"
}
check "a digest that is not the Manifest's is refused" liar
check "internals that are not known: the text of emerge" stranger
check_finish
