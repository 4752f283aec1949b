# shellcheck shell=bash
# shellcheck disable=SC2034 # variables here are for the scripts
# What end-to-end scripts share: a scratch directory, the program, the stand-in's inputs, running
# a command and looking at what came of it. Sourced first by every tests/cli/*.sh; any of them can
# be run by hand as well (as an ordinary user), after 'tests/run --quick' has built the program.
#
#   $scratch    a directory of this script's own, removed at the end
#   $store      the store in use, exported as GBOX_STORE: one that the scripts of a run share, so
#               that the base is unpacked once; `own_store NAME` makes another
#   gbox …      the program, with a time limit
#   run CMD…    runs CMD; then $status, $out, $err
#   ok CMD…     the same, and fails the script unless CMD exits 0
#   fails N CMD…  … unless CMD exits N
#   check TEXT FUNCTION [ARG…]  one case of a table: counted, and the next one runs anyway
#
# With GBOX_TEST_LEVEL the program runs at a lower level than it could: level.sh.
set -euo pipefail

e2e_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
e2e_lib=$e2e_root/tests/lib
test_name=$(basename "$0" .sh)
say_as=$test_name
source "$e2e_lib/say.sh"

skip() {
  echo "$*"
  exit 77
}

[[ $EUID -ne 0 ]] || die "tests run as an ordinary user" "tests/run does that for root"

# --- the program and its inputs ---
GBOX=${GBOX:-$e2e_root/build/src/cli/gbox}
[[ -x $GBOX ]] || die "there is no '$GBOX'" "tests/run --quick builds it; or set GBOX"
GBOX=$(realpath "$GBOX")
export GBOX_TEST_CACHE=${GBOX_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gbox-tests}
mkdir -p "$GBOX_TEST_CACHE"

e2e_work=${GBOX_TEST_WORK:-$GBOX_TEST_CACHE}
scratch=$(mktemp -d "$(realpath "$e2e_work")/$test_name.XXXXXX")
cd "$scratch" # images without '--output' are written to the working directory
# Shared only within one run of all tests: a store that outlives it would hide what a change of
# the program breaks.
if [[ -n ${GBOX_TEST_WORK:-} ]]; then store=$GBOX_TEST_WORK/store; else store=$scratch/store; fi
export GBOX_STORE=$store
# Progress is for programs here; a test that looks at lines asks for them.
unset GBOX_PROGRESS XDG_DATA_HOME

e2e_background=() # processes to end
e2e_outside=()    # directories outside $scratch to remove
_end_background() {
  local pid
  for pid in "${e2e_background[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
}
_cleanup() {
  local status=$?
  trap - EXIT
  _end_background
  if declare -F podman_teardown >/dev/null; then podman_teardown || true; fi
  [[ ${#e2e_outside[@]} -eq 0 ]] || rm -rf "${e2e_outside[@]}"
  if [[ ${GBOX_TEST_KEEP:-no} != yes ]]; then
    # Files of mapped ids cannot be removed from outside their namespace.
    rm -rf "$scratch" 2>/dev/null || "$e2e_lib/in-ids" rm -rf "$scratch" || true
  else
    say "kept: $scratch"
  fi
  exit "$status"
}
trap _cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'echo "line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND" >&2' ERR

# A store belongs to the ids it was made with.
if [[ -n ${GBOX_TEST_LEVEL:-} ]]; then
  source "$e2e_lib/level.sh"
  e2e_public=$(mktemp -d "${TMPDIR:-/tmp}/gbox-level.XXXXXX")
  chmod 755 "$e2e_public"
  e2e_outside+=("$e2e_public")
  level_force "$GBOX_TEST_LEVEL" "$e2e_public"
  store=$store-$GBOX_TEST_LEVEL
  export GBOX_STORE=$store
fi

own_store() {
  store=$scratch/$1
  export GBOX_STORE=$store
}

# A directory that any account may pass, $public, with the program in it: homes may be closed to the
# accounts of a namespace.
public_program() {
  public=$(mktemp -d "${TMPDIR:-/tmp}/gbox-$test_name.XXXXXX")
  chmod 755 "$public"
  e2e_outside+=("$public")
  cp "$GBOX" "$public/gbox"
}

# The stand-in stage3; made when there is none yet, which takes minutes.
stage3() {
  [[ -n ${GBOX_TEST_STAGE3:-} ]] || GBOX_TEST_STAGE3=$("$e2e_root/tests/standin/make")
  printf '%s\n' "$GBOX_TEST_STAGE3"
}

# The stand-in repository with its metadata cache.
standin_repo() {
  [[ -n ${GBOX_TEST_REPO:-} ]] || GBOX_TEST_REPO=$("$e2e_root/tests/standin/make-metadata" "$GBOX" "$(stage3)")
  printf '%s\n' "$GBOX_TEST_REPO"
}

# The directory of source archives; packed once a run.
distfiles() {
  local directory=$e2e_work/distfiles lock
  exec {lock}>"$e2e_work/.distfiles.lock"
  flock "$lock"
  [[ -d $directory && -z $(find "$e2e_root/tests/standin/distfiles-src" -newer "$directory" -print -quit) ]] || {
    "$e2e_root/tests/standin/make-distfiles" "$directory"
    touch "$directory"
  }
  exec {lock}>&-
  printf '%s\n' "$directory"
}

# The head of a spec over the stand-in; phases follow. Steps of different scripts share nothing but
# the base: the variable gives each its own configuration, and so its own keys.
standin_head() {
  cat <<TOML
name = "${1:-${test_name//_/-}}"
[args]
round = "0"
[base]
tarball = "$(stage3)"
[repos.standin]
path = "$(standin_repo)"
[portage]
profile = "standin/linux/amd64"
make_conf = { GBOX_TEST = "${scratch##*/}" }
[build]
distfiles = "$(distfiles)"
TOML
}

# spec FILE [NAME] <<TOML: the head and what is on standard input.
spec() {
  { standin_head "${2:-}" && cat; } >"$1"
}

# --- running ---
gbox() { timeout --kill-after=10 "${e2e_limit:-600}" "$GBOX" "$@"; }

status=0
out=
err=
run() {
  status=0
  "$@" >"$scratch/.out" 2>"$scratch/.err" </dev/null || status=$?
  out=$(tr -d '\0' <"$scratch/.out") err=$(tr -d '\0' <"$scratch/.err")
  last_command=("$@")
}

# As run, with standard input given as $1.
run_with_input() {
  local input=$1
  shift
  status=0
  "$@" >"$scratch/.out" 2>"$scratch/.err" <<<"$input" || status=$?
  out=$(tr -d '\0' <"$scratch/.out") err=$(tr -d '\0' <"$scratch/.err")
  last_command=("$@")
}

fail() {
  trap - ERR
  {
    echo "failed: $*"
    if [[ ${#last_command[@]} -gt 0 ]]; then
      printf '  command: %s\n  exit status: %s\n' "${last_command[*]}" "$status"
      head -n 40 "$scratch/.out" | sed 's/^/  stdout: /'
      tail -n 60 "$scratch/.err" | sed 's/^/  stderr: /'
    fi
  } >&2
  exit 1
}
last_command=()

ok() {
  run "$@"
  [[ $status -eq 0 ]] || fail "exit status $status instead of 0"
}

fails() {
  local wanted=$1
  shift
  run "$@"
  [[ $status -eq $wanted ]] || fail "exit status $status instead of $wanted"
}

# --- looking ---
assert_contains() { [[ $1 == *"$2"* ]] || fail "'$2' is not in it: $1"; }
assert_lacks() { [[ $1 != *"$2"* ]] || fail "'$2' is in it: $1"; }
assert_matches() { [[ $1 =~ $2 ]] || fail "'$2' does not match: $1"; }
assert_equal() { [[ $1 == "$2" ]] || fail "'$1' is not '$2'${3:+ ($3)}"; }
assert_missing() { [[ ! -e $1 && ! -L $1 ]] || fail "'$1' exists"; }
assert_present() { [[ -e $1 || -L $1 ]] || fail "'$1' does not exist"; }

# An error for a person: one 'error' line with $1 in it, one 'hint' line with $2 in it.
assert_error() {
  assert_matches "$err" "gbox: error: [^"$'\n'"]*$1"
  [[ $# -lt 2 ]] || assert_matches "$err" "gbox: hint: [^"$'\n'"]*$2"
  assert_lacks "$err" "internal error"
  assert_lacks "$err" "terminate called"
}

# What a case has started ends with it.
_begin_case() {
  e2e_background=()
  trap _end_background EXIT
}

check_count=0
check_failed=()
check() {
  local text=$1
  shift
  check_count=$((check_count + 1))
  mkdir -p "$scratch/case-$check_count"
  if (
    _begin_case
    cd "$scratch/case-$check_count"
    "$@"
  ); then
    echo "ok: $text"
  else
    echo "FAILED: $text"
    check_failed+=("$text")
  fi
}

check_finish() {
  [[ ${#check_failed[@]} -eq 0 ]] || {
    printf 'failed case: %s\n' "${check_failed[@]}"
    exit 1
  }
  echo "$check_count cases"
}

# events FILE EVENT: the steps of the events of a kind in a '--progress json' stream, in order.
events() { jq -r --arg event "$2" 'select(.event == $event) | .step // empty' "$1"; }

# build_events FILE GBOX-ARGUMENT…: gbox build with the events in FILE; else as run.
build_events() {
  local file=$1
  shift
  run gbox build --progress json "$@"
  printf '%s\n' "$err" >"$file"
  jq -e . "$file" >/dev/null || fail "not every line of --progress json is JSON"
  [[ -z ${GBOX_TEST_LEVEL:-} ]] ||
    assert_equal "$(jq -r 'select(.event == "level") | .level' "$file")" "$(level_name "$GBOX_TEST_LEVEL")"
}

# image_blob LAYOUT DIGEST
image_blob() { printf '%s/blobs/sha256/%s\n' "$1" "${2#sha256:}"; }
# image_manifest LAYOUT
image_manifest() { image_blob "$1" "$(jq -r '.manifests[0].digest' "$1/index.json")"; }
# layer_names LAYOUT: the names in all layers, lowest first.
layer_names() {
  local digest
  while read -r digest; do
    tar --list --auto-compress --file "$(image_blob "$1" "$digest")" 2>/dev/null ||
      zstd -qdc "$(image_blob "$1" "$digest")" | tar --list
  done < <(jq -r '.layers[].digest' "$(image_manifest "$1")")
}

# key_of SPEC-NAME STEP: the key of the newest finished step, which also names its snapshot.
key_of() {
  gbox cache ls --json </dev/null | jq -r --arg spec "$1" --arg step "$2" \
    '[.records[] | select(.spec == $spec and .step == $step)] | sort_by(.created) | last | .key'
}
