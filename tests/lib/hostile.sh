# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables here are for the scripts, or of e2e.sh
# What tests of bad mirrors share: a good mirror of small files, copies of it to spoil, and the
# words that a person reads. Sourced after e2e.sh.
#
#   row TEXT FUNCTION         one case, as 'check', with no rules of the mirror left from before
#   case_mirror               a copy of the good mirror for this case, as ./root; sets $url,
#                             $pointer, $builds and $tarball
#   rule JSON                 how the server lies from now on (see tests/mirror/serve.py)
#   sign KEY FORM FILE [TIME] as ./signed
#   refused CODE COMMAND…     fails so, says what the golden has, and keeps nothing
#   golden                    $err is what tests/data/SCRIPT.txt has
#   golden_finish             at the end of the script
#
# GBOX_TESTS_REFRESH=DIRECTORY writes the goldens anew there, to be reviewed as code.

source "$e2e_lib/mirror.sh"

readonly spec_error=2 input_error=4
umask 022
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
shared_store=$GBOX_STORE
export GBOX_STORE=store # of each case, in its own directory

# --- a good mirror of small files, and what is needed to spoil copies of it ---
good=$scratch/good
old=$(date --utc --date '50 days ago' +%Y%m%dT164606Z) new=$(date --utc --date yesterday +%Y%m%dT170312Z)
readonly old new
mkdir -p "$scratch/stage3"/{etc,bin} "$scratch/tree"/{profiles,metadata}
cp /bin/sh "$scratch/stage3/bin/sh" # looked at, not run
head -c 300000 /dev/urandom >"$scratch/stage3/etc/random"
tar --directory "$scratch/stage3" --create . | xz -0 >"$scratch/stage3.tar.xz"
echo 'masters =' >"$scratch/tree/metadata/layout.conf"
printf 'word %.0s' {1..600000} >"$scratch/tree/profiles/words" # 3 MB, and small in an archive
"$e2e_root/tests/mirror/make" --stage3 "$scratch/stage3.tar.xz" \
  --variants nomultilib-openrc,systemd,hardened-openrc --stamps "$old,$new" --tree "$scratch/tree" \
  --tree-name gentoo "$good"
mapfile -t days <"$good/dates"
readonly old_day=${days[0]} new_day=${days[1]}
rules=$scratch/rules
mirror_start mirror --rules "$rules" --log "$scratch/requests" "$scratch"
port=${mirror_port[mirror]}

# What differs from run to run, by a name.
names=$scratch/names.sed
iso() { sed -E 's/^(....)(..)(..).*/\1-\2-\3/' <<<"$1"; }
{
  echo 's/127\.0\.0\.1:[0-9]+/127.0.0.1:PORT/g'
  size=$(stat -c %s "$scratch/stage3.tar.xz")
  printf 's/\\b%d\\b/SIZE+10/g;s/\\b%d\\b/SIZE/g\n' $((size + 10)) "$size"
  echo "s/$new/NEW/g;s/$old/OLD/g"
  echo "s/$new_day/NEW-DAY/g;s/$old_day/OLD-DAY/g"
  echo "s/'[0-9a-f]{16}…'/'HEX…'/g"
  echo "s/x{70}/LONG/g;s/\\(nameserver [^;]*;/(nameserver ADDRESS;/;s/[0-9]+ days/N days/g"
  echo 's/this machine says [-0-9]+ [0-9:]+/this machine says NOW/'
  echo "s/signed on $(iso "$old")/signed on OLD/"
  echo "s/signed on $(date --utc --date '3 days' +%F), and this machine says it is [-0-9]+/signed on LATER, and this machine says it is NOW/"
  for key in release snapshot expired unknown; do
    gpg --batch --homedir "$good/keys/gnupg" --show-keys --with-colons "$good/keys/$key.asc" 2>/dev/null |
      awk -F: -v name="${key^^}-KEY" '$1 == "fpr" { print "s/" $10 "/" name "/g" }'
  done
} >"$names"

# In the golden it stands under the row's text and the number of the call in it.
goldens=$e2e_root/tests/data/$test_name.txt
golden() {
  local wanted got
  golden_number=$((golden_number + 1))
  got=$(sed -E -f "$names" <<<"$err" | sed "s|$PWD/|DIR/|g;s|$shared_store|STORE|g;s|$scratch|SCRATCH|g")
  printf '\n## %s, %s\n%s\n' "$row_text" "$golden_number" "$got" >>"$scratch/said"
  [[ -z ${GBOX_TESTS_REFRESH:-} ]] || return 0
  wanted=$(awk -v head="## $row_text, $golden_number" \
    '/^## / { on = $0 == head; next } on && NF' "$goldens")
  [[ $got == "$wanted" ]] || {
    diff <(echo "$wanted") <(echo "$got") >&2 || true
    fail "other words than expected"
  }
}

# nothing_kept: no input, no lock; what is on its way may lie in incoming/ under no name of its own.
nothing_kept() {
  assert_missing stage4.lock
  assert_present store/incoming
  assert_equal "$(find store/inputs store/records store/distfiles -mindepth 1 2>/dev/null)" "" "kept"
  assert_equal "$(find store/incoming -type f 2>/dev/null | grep -vE '\.(part|source|lock)$')" "" \
    "in incoming/"
}

# refused CODE COMMAND…
refused() {
  local code=$1
  shift
  fails "$code" "$@"
  assert_equal "$out" ""
  golden
  nothing_kept
}

# case_mirror: a copy of the good mirror for this case, as ./root; sets $url.
case_mirror() {
  cp -r "$good/root" root
  url=http://127.0.0.1:$port/${PWD##*/}/root
  pointer=root/releases/amd64/autobuilds/latest-stage3-amd64-openrc.txt
  builds=root/releases/amd64/autobuilds/$new
  tarball=stage3-amd64-openrc-$new.tar.xz
}
rule() { printf '%s\n' "$1" >"$rules"; }

# spec_stage3 [LINE…]: of a stage3; LINEs go into [base].
spec_stage3() {
  cat >stage4.toml <<TOML
name = "x"
[base]
stage3 = "openrc"
$([[ $* == *mirror* ]] || echo "mirror = \"$url\"")
$([[ $* == *keyring* ]] || echo "keyring = \"$good/keys/keys.asc\"")
$(printf '%s\n' "$@")
[[phase]]
name = "p"
remove = ["/file"]
TOML
}

# spec_snapshot [LINE…]: of a tree over a local base; LINEs go into [repos.gentoo].
spec_snapshot() {
  cat >stage4.toml <<TOML
name = "x"
[base]
tarball = "$scratch/stage3.tar.xz"
[repos.gentoo]
mirror = "$url"
keyring = "$good/keys/keys.asc"
$(printf '%s\n' "$@")
[[phase]]
name = "p"
remove = ["/file"]
TOML
}

# sign KEY clear|detach|binary FILE [TIME]: in place, or FILE.asc and FILE.gpgsig.
sign() {
  "$e2e_root/tests/mirror/sign" "$good" "$1" "$2" "$3" "${@:4}" >signed
}
signed_body() { sed -n '/^$/,/^-----BEGIN PGP SIGNATURE/{/^$/d;/^-----/d;p}' "$1"; }

row() {
  echo '[]' >"$rules"
  row_text=$1 golden_number=0
  check "$@"
}

golden_finish() {
  if [[ -n ${GBOX_TESTS_REFRESH:-} ]]; then
    { echo "# What gbox says: written by tests/cli/$test_name.sh." && cat "$scratch/said"; } \
      >"$GBOX_TESTS_REFRESH/$test_name.txt"
  fi
  check_finish
}
