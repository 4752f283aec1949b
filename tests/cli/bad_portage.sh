#!/bin/bash
# A Portage configuration that cannot work is said before anything is built: every fault in one
# run, with its place, and the exit status of a faulty spec.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store
readonly usage=2 plan=5

# The stand-in's repository has no md5-cache: a small one here has, as Portage would write it.
tree=$scratch/tree
mkdir -p "$tree"/{profiles/{base,default/amd64,default/arm64,desc},metadata,licenses}
cat >"$tree/metadata/layout.conf" <<<'masters ='
cat >"$tree/profiles/repo_name" <<<'demo'
printf 'dev-lang\nwww-servers\nsys-kernel\n' >"$tree/profiles/categories"
printf 'amd64\narm64\n' >"$tree/profiles/arch.list"
printf 'FREE GPL-2\n' >"$tree/profiles/license_groups"
printf 'python3_12 - a\npython3_13 - b\n' >"$tree/profiles/desc/python_targets.desc"
printf 'ssl - Encrypt\n' >"$tree/profiles/use.desc"
touch "$tree"/licenses/{GPL-2,linux-fw} "$tree/profiles/use.local.desc"
printf 'USE_EXPAND="PYTHON_TARGETS"\nACCEPT_LICENSE="-* @FREE"\n' >"$tree/profiles/base/make.defaults"
printf 'systemd\n' >"$tree/profiles/base/use.mask"
for arch in amd64 arm64; do
  printf '../../base\n' >"$tree/profiles/default/$arch/parent"
  printf 'ARCH="%s"\nACCEPT_KEYWORDS="%s"\n' "$arch" "$arch" >"$tree/profiles/default/$arch/make.defaults"
done

# ebuild CATEGORY/NAME VERSION KEYWORDS LICENSE [IUSE [REQUIRED_USE [EAPI]]]
ebuild() {
  local file=$tree/$1/${1#*/}-$2.ebuild cache=$tree/metadata/md5-cache/${1%/*}
  mkdir -p "${file%/*}" "$cache"
  printf 'EAPI=%s\n' "${7:-8}" >"$file"
  cat >"$cache/${1#*/}-$2" <<END
EAPI=${7:-8}
IUSE=${5:-}
KEYWORDS=$3
LICENSE=$4
REQUIRED_USE=${6:-}
SLOT=0
_md5_=$(md5sum <"$file" | cut -d' ' -f1)
END
}
ebuild dev-lang/php 8.3 amd64 GPL-2 'apache2 fpm sqlite systemd threads' 'apache2? ( threads )'
ebuild dev-lang/young 1 '~amd64' GPL-2
ebuild dev-lang/foreign 1 arm64 GPL-2
ebuild dev-lang/new 1 amd64 GPL-2 '' '' 9
ebuild www-servers/nginx 1.26 amd64 GPL-2
ebuild sys-kernel/firmware 2026 amd64 linux-fw
tar -cf "$scratch/base.tar" -C "$scratch" --files-from=/dev/null

# write PHASE-ATOMS [LINE…]: a spec whose line 8 begins what is given for [portage].
write() {
  local atoms=$1
  shift
  {
    printf 'name = "x"\n[base]\ntarball = "%s"\n[repos.demo]\npath = "%s"\n[portage]\n' \
      "$scratch/base.tar" "$tree"
    [[ $* == *profile* ]] || echo 'profile = "default/amd64"'
    [[ $# -eq 0 ]] || printf '%s\n' "$@"
    printf '[[phase]]\nname = "p"\nemerge = [%s]\n' "$atoms"
  } >stage4.toml
}

# refused ERROR HINT ATOMS [LINE…]
refused() {
  local error=$1 hint=$2
  shift 2
  write "$@"
  fails $usage gbox plan stage4.toml
  assert_error "$error" "$hint"
  assert_equal "$out" ""
  assert_equal "$(find "$store/snapshots" -mindepth 1 2>/dev/null)" "" "unpacked before the check"
}

check "no such package" refused "stage4.toml:10:11: no package 'www-servers/ngnix' in repository 'demo'" \
  "did you mean 'www-servers/nginx'" '"www-servers/ngnix"'
check "no such version" refused "no version of 'dev-lang/php' matches '>=dev-lang/php-9'" \
  "it has '8.3'" '">=dev-lang/php-9"'
check "no such set" refused "there is no set '@wrold'" "did you mean '@world'" '"@wrold"'
check "no such USE flag" refused "stage4.toml:8:35: 'dev-lang/php' has no USE flag 'sqlit'" \
  "did you mean 'sqlite'" '"php"' 'package_use = { "dev-lang/php" = ["sqlit"] }'
check "a USE flag that the profile masks" refused \
  "USE flag 'systemd' of 'dev-lang/php-8.3' is masked by profile 'default/amd64'" \
  "Portage ignores it" '"php"' 'package_use = { "dev-lang/php" = ["systemd"] }'
check "no such value of a USE_EXPAND variable" refused \
  "'PYTHON_TARGETS' has no value 'python3_99'" "did you mean 'python3_1" '"php"' \
  'make_conf = { PYTHON_TARGETS = "python3_99" }'
check "only a testing version" refused "'dev-lang/young-1' is only '~amd64'" \
  "add \"dev-lang/young\" = \[\"~amd64\"\] to 'package_accept_keywords'" '"young"'
check "a version that nobody tried on this architecture" refused \
  "'dev-lang/foreign-1' has no keyword for 'amd64': it is not known to work there" \
  "add \"dev-lang/foreign\" = \[\"\*\*\"\] to 'package_accept_keywords'" '"foreign"'
check "a licence that is not accepted" refused \
  "'sys-kernel/firmware-2026': licence 'linux-fw' is not accepted" \
  "add \"sys-kernel/firmware\" = \[\"linux-fw\"\] to 'package_license'" '"firmware"'
check "a licence that does not exist" refused "there is no licence group '@FERE'" \
  "did you mean '@FREE'" '"php"' 'license = ["@FERE"]'
check "a masked package" refused "'www-servers/nginx-1.26' is masked by 'package_mask'" \
  "leave out the mask or the package" '"nginx"' 'package_mask = ["www-servers/nginx"]'
check "no such profile" refused "repository 'demo' has no profile 'default/amd46'" \
  "did you mean 'default/amd64'" '"php"' 'profile = "default/amd46"'
check "an env file that nobody wrote" refused "there is no file 'big' in 'env'" \
  "define it in 'env' of \[portage\]" '"php"' 'package_env = { "dev-lang/php" = ["big"] }'

# warned WARNING HINT ATOMS [LINE…]: what the base, which is not known yet, may put right.
warned() {
  local warning=$1 hint=$2
  shift 2
  write "$@"
  ok gbox plan stage4.toml
  assert_matches "$err" "gbox: warning: [^"$'\n'"]*$warning"
  assert_matches "$err" "gbox: hint: [^"$'\n'"]*$hint"
}
check "USE flags that contradict REQUIRED_USE" warned \
  "'dev-lang/php-8.3' does not get the USE flags it requires: 'apache2\? \( threads \)'" \
  "add '-apache2' or 'threads' in 'package_use' for 'dev-lang/php'" '"php"' \
  'package_use = { "dev-lang/php" = ["apache2"] }'
check "a tree that is newer than the Portage of the base" warned \
  "'dev-lang/new-1' has EAPI '9', which the base's Portage may be too old for" \
  "use a newer base or an older tree" '"new"'

all_at_once() {
  write '"nginks", "young"' 'package_use = { "dev-lang/php" = ["sqlit"] }' 'license = ["@FERE"]'
  fails $usage gbox plan stage4.toml
  local fault
  for fault in "8:35: .*'sqlit'" "9:12: .*'@FERE'" "12:11: .*'nginks'" "12:21: .*'~amd64'"; do
    assert_matches "$err" "stage4.toml:$fault"
  done
}
check "all faults in one run" all_at_once

# --- knots, which only the image's own Portage finds
knots=$scratch/knots
mkdir -p "$knots"/{profiles,metadata}
echo knots >"$knots/profiles/repo_name"
echo app-knot >"$knots/profiles/categories"
printf 'masters = standin\nthin-manifests = true\nsign-manifests = false\n' >"$knots/metadata/layout.conf"
knot() { # NAME VERSION [LINE…]
  mkdir -p "$knots/app-knot/$1"
  printf '%s\n' EAPI=8 'DESCRIPTION="for tests"' 'HOMEPAGE="https://standin.invalid/"' 'S="${WORKDIR}"' \
    'LICENSE="standin"' 'SLOT="0"' 'KEYWORDS="amd64"' "${@:3}" >"$knots/app-knot/$1/$1-$2.ebuild"
}
knot egg 1 'IUSE="+hatched"' 'DEPEND="hatched? ( app-knot/hen )"'
knot hen 1 'RDEPEND="app-knot/nest"' 'DEPEND="app-knot/egg"'
knot nest 1
knot left 1 'DEPEND="app-knot/right"'
knot right 1 'DEPEND="app-knot/left"'
knot red 1 'RDEPEND="!!app-knot/blue"'
knot blue 1 'RDEPEND="!!app-knot/red"'
knot painter 1 'RDEPEND="app-knot/blue"'
knot rope 1
knot rope 2
knot old 1 'RDEPEND="<app-knot/rope-2"'
knot new 1 'RDEPEND=">=app-knot/rope-2"'

# knotted ATOMS ERROR HINT [EARLIER-ATOMS]: all lines that say it, without prefix and place.
knotted() {
  {
    standin_head
    printf '[repos.knots]\npath = "%s"\npriority = -10\n' "$knots"
    [[ $# -lt 4 ]] || printf '[[phase]]\nname = "before"\nemerge = [%s]\n' "$4"
    printf '[[phase]]\nname = "p"\nemerge = [%s]\n' "$1"
  } >stage4.toml
  fails $plan gbox build stage4.toml
  assert_equal "$(sed -n '/^gbox: error: /,$p' <<<"$err" |
    sed "s/^gbox: error: stage4.toml:[0-9:]*: plan of phase 'p': /error: /; s/^gbox: //")" \
    "error: $2"$'\n'"hint: $3"
  assert_equal "$out" ""
}
check "packages that need each other, and the flag that ends it" knotted '"app-knot/hen"' \
  "'app-knot/egg-1' and 'app-knot/hen-1' need each other to build" \
  'add to [portage]: package_use."app-knot/egg" = ["-hatched"]'
check "packages that need each other whatever the flags are" knotted '"app-knot/left"' \
  "'app-knot/left-1' and 'app-knot/right-1' need each other to build" \
  "portage knows no USE flag that breaks the circle: a binary package of one of them does ([[binhost]])"
check "packages that exclude each other, both of the spec" knotted '"app-knot/red", "app-knot/painter"' \
  "'app-knot/red-1' (asked for as 'app-knot/red') cannot be installed beside 'app-knot/blue-1' (wanted by 'app-knot/painter-1'): '!!app-knot/blue'" \
  "leave one of them out, or what wants it"
check "a package that excludes what is there and needed" knotted '"app-knot/red", "app-knot/painter"' \
  "'app-knot/red-1' (asked for as 'app-knot/red') cannot be installed beside 'app-knot/blue-1' (installed before this phase, wanted by 'app-knot/painter-1'): '!!app-knot/blue'" \
  "leave one of them out, or what wants it
hint: what is there goes by a phase before this one: unmerge = [\"app-knot/blue\"]" \
  '"app-knot/painter", "app-knot/old"'
check "two versions that are wanted in one slot" knotted '"app-knot/old", "app-knot/new"' \
  "'app-knot/rope-1' and 'app-knot/rope-2' are wanted in one slot
  'app-knot/old-1' wants '<app-knot/rope-2'
  'app-knot/new-1' wants '>=app-knot/rope-2'" \
  "take versions of 'app-knot/old-1' and 'app-knot/new-1' that agree: pin one in 'emerge', accept a newer one by 'package_accept_keywords', or leave one out"
check "a package that does not agree with one that is there" knotted '"app-knot/new"' \
  "'app-knot/rope-1' and 'app-knot/rope-2' are wanted in one slot
  'app-knot/old-1' (installed before this phase) wants '<app-knot/rope-2'
  'app-knot/new-1' wants '>=app-knot/rope-2'" \
  "take versions of 'app-knot/old-1' and 'app-knot/new-1' that agree: pin one in 'emerge', accept a newer one by 'package_accept_keywords', or leave one out" \
  '"app-knot/painter", "app-knot/old"'

# --- compiler flags, asked of a real base's compiler before the first package
with_flags() { # FLAGS [LDFLAGS]
  local extra=
  [[ $# -lt 2 ]] || extra="LDFLAGS = \"$2\", "
  {
    standin_head | sed -e "/^profile = /a common_flags = \"$1\"" -e "s/^make_conf = { /&$extra/"
    printf '[[phase]]\nname = "first"\nrun = "true"\n'
    printf '[[phase]]\nname = "second"\nemerge = ["app-demo/hello"]\n'
  } >stage4.toml
}
flags_refused() { # ERROR HINT FLAGS [LDFLAGS]
  local error=$1 hint=$2
  shift 2
  with_flags "$@"
  fails $usage gbox build stage4.toml --until first
  assert_error "$error" "$hint"
  assert_equal "$out" ""
}
check "a processor that the base's gcc does not know" flags_refused \
  "stage4.toml:10:16: gcc [0-9.]+ refuses '-march=zen6': bad value \(?'zen6'\)? for '-march=' switch" \
  "the nearest that it knows is 'znver[0-9]'" "-O2 -march=zen6 -pipe"
check "a flag that gcc does not know" flags_refused \
  "refuses '-mavx999': unrecognized command-line option '-mavx999'" "is '-mavx'" "-mavx999 -O2"
check "a flag that the linker does not know" flags_refused \
  "stage4.toml:11:25: gcc [0-9.]+ refuses '-Wl,--no-such': unrecognized option '--no-such'" \
  "leave it out" "-O2" "-Wl,-O1 -Wl,--no-such"
two_flags() {
  flags_refused "refuses '-march=zen6'" "znver" "-march=zen6 -O2 -fno-such-thing"
  assert_matches "$err" "stage4.toml:10:16: gcc [0-9.]+ refuses '-fno-such-thing': unrecognized"
}
check "several flags in one run" two_flags

lacked() {
  local pair flags
  flags=" $(sed -n 's/^flags[^:]*: //p' /proc/cpuinfo | head -n 1) "
  for pair in -mxop:xop -mfma4:fma4 -mamx-tile:amx_tile -mavx512f:avx512f; do
    [[ $flags == *" ${pair#*:} "* ]] && continue
    flags_refused "stage4.toml:10:16: '${pair%:*}' needs .*'${pair#*:}'.*, which this cpu .*lacks" \
      "or build on a machine that has it" "-O2 ${pair%:*}"
    return
  done
  echo "this cpu has all of them"
}
[[ $(uname -m) != x86_64 ]] || check "an instruction set that this cpu lacks" lacked

good_flags() {
  with_flags "-march=x86-64 -O2 -pipe --param l1-cache-size=32" "-Wl,-O1 -Wl,--as-needed"
  ok gbox build stage4.toml --until first
  local memos
  memos=$(grep -l '"fine"' "$store"/memo/* | xargs stat -c '%n %i')
  [[ -n $memos ]] || fail "what works is not remembered"
  ok gbox build stage4.toml --until first
  assert_equal "$(grep -l '"fine"' "$store"/memo/* | xargs stat -c '%n %i')" "$memos"
}
check "good flags pass, and are asked about once" good_flags

check_finish
