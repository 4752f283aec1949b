# shellcheck shell=bash
# Installs Debian packages named in list files: by root, or by whoever may use sudo without a
# password; anybody else is told which are missing and the exact command. Sourced, after say.sh.
#
# A list is a plain file, one package a line, with the reason as a comment behind it.

# list_packages FILE…: the names, without comments.
list_packages() {
  sed -E 's/[[:space:]]*(#.*)?$//; /^$/d' "$@" | LC_ALL=C sort -u
}

# missing_packages FILE…: those that are not installed.
missing_packages() {
  local package status
  while read -r package; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || true
    # 'g++' may be installed for more than one architecture; one is enough.
    [[ $status == installed* ]] || echo "$package"
  done < <(list_packages "$@")
}

# ensure_packages FILE…: returns 0 when all are installed (now), else 1 and says what is missing.
ensure_packages() {
  local missing=() command=() log
  if ! type -P dpkg-query >/dev/null; then
    say "this is no Debian: these packages, or what they are called here, are taken to be present:"
    say "  $(list_packages "$@" | paste -sd' ')"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -eq 0 ]]; then
    command=(env)
  elif type -P sudo >/dev/null && sudo --non-interactive true 2>/dev/null; then
    command=(sudo --non-interactive env)
  else
    say "error: ${#missing[@]} packages are not installed and only root may install them"
    say "hint: sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
    return 1
  fi
  say "installing ${missing[*]}"
  log=$(mktemp)
  # Another apt may run on a machine that has just started: wait for its lock, not for ever.
  # No recommended packages: podman's would bring a network stack that nothing here uses.
  command+=(DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes
    --option DPkg::Lock::Timeout=600 --option Acquire::Retries=3)
  if ! "${command[@]}" update >"$log" 2>&1 </dev/null ||
    ! "${command[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    say "error: apt-get could not install the packages"
    say "hint: its last words are above; are the sources of this machine reachable?"
    return 1
  fi
  rm -f "$log"
}
