# shellcheck shell=bash
# What scripts say: progress on standard error, failures with what to do about them. Sourced.

say() { printf '%s: %s\n' "${say_as:-$(basename "$0")}" "$*" >&2; }

# die MESSAGE [HINT]
die() {
  say "error: $1"
  [[ $# -lt 2 ]] || say "hint: $2"
  exit 1
}
