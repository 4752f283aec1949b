# shellcheck shell=bash
# Callers read the PODMAN_* variables, which this file only sets.
# shellcheck disable=SC2034

# Rootless podman for tests and examples, on hosts where its defaults do not work: no login session
# (no systemd, no XDG_RUNTIME_DIR), hybrid cgroups, no /dev/net/tun. Everything it keeps lies below
# a scratch directory; the user's own containers and configuration are neither read nor changed.
# Sourced, not run. For ordinary users, with subordinate ids from /etc/subuid; root is refused.
#
#   podman_setup SCRATCHDIR    0, or 1 with the reason in PODMAN_WHY_NOT
#   podman_load PATH           loads a layout directory or archive, prints what to call the image
#   podman_run [OPTION…] IMAGE [ARG…]
#   podman_do ARG…             podman with the configuration made here
#   podman_teardown            removes the scratch directory's storage, ends podman's helper process

# What the caller may read.
PODMAN_WHY_NOT=
PODMAN_RUNTIME=        # the OCI runtime that worked here
PODMAN_DRIVER=         # the storage driver that worked here
_podman_dir=           # configuration and storage
_podman_run=           # XDG_RUNTIME_DIR
_podman_flags=()       # for every 'podman run'

podman_do() {
  env -u CONTAINER_HOST -u DBUS_SESSION_BUS_ADDRESS -u STORAGE_DRIVER -u STORAGE_OPTS \
    HOME="$_podman_dir/home" \
    XDG_RUNTIME_DIR="$_podman_run" \
    XDG_CONFIG_HOME="$_podman_dir/home/.config" \
    XDG_DATA_HOME="$_podman_dir/home/.local/share" \
    TMPDIR="$_podman_dir/tmp" \
    CONTAINERS_CONF="$_podman_dir/containers.conf" \
    CONTAINERS_STORAGE_CONF="$_podman_dir/storage.conf" \
    CONTAINERS_REGISTRIES_CONF="$_podman_dir/registries.conf" \
    podman "$@"
}

_podman_write_config() {
  local driver=$1 mount_program=$2
  # cgroupfs: systemd's cgroup manager wants a session bus. events_logger: its default, journald,
  # may be missing. The rest of the defaults are fine.
  cat >"$_podman_dir/containers.conf" <<CONF
[containers]
netns = "none"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "${PODMAN_RUNTIME:-runc}"
CONF
  cat >"$_podman_dir/storage.conf" <<CONF
[storage]
driver = "$driver"
runroot = "$_podman_run/storage"
graphroot = "$_podman_dir/graph"
rootless_storage_path = "$_podman_dir/graph"
CONF
  if [[ -n $mount_program ]]; then
    printf '[storage.options.overlay]\nmount_program = "%s"\n' "$mount_program" \
      >>"$_podman_dir/storage.conf"
  fi
  # Nothing is ever pulled: no registry is searched, and only local images are trusted.
  printf 'unqualified-search-registries = []\n' >"$_podman_dir/registries.conf"
  mkdir -p "$_podman_dir/home/.config/containers"
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' \
    >"$_podman_dir/home/.config/containers/policy.json"
}

# A root file system that holds nothing but /usr/bin/true and its libraries.
_podman_make_probe() {
  local probe=$_podman_dir/probe library
  mkdir -p "$probe/bin" "$probe/proc" "$probe/sys" "$probe/dev" "$probe/etc"
  cp -L "$(type -P true)" "$probe/bin/true"
  while read -r library; do
    mkdir -p "$probe$(dirname "$library")"
    cp -L "$library" "$probe$library"
  done < <(ldd "$probe/bin/true" 2>/dev/null | grep -o '/[^ ]*')
  printf '%s\n' "$probe"
}

# Storage first: the drivers in order of speed. A directory with files of another driver in it
# would be refused, hence the fresh one for each try.
_podman_choose_storage() {
  local driver program fuse log=$_podman_dir/storage.log
  fuse=$(type -P fuse-overlayfs || true)
  for driver in overlay fuse vfs; do
    program=
    if [[ $driver = fuse ]]; then
      [[ -n $fuse && -c /dev/fuse ]] || continue
      program=$fuse
    fi
    PODMAN_DRIVER=$driver
    _podman_write_config "${driver/fuse/overlay}" "$program"
    if podman_do info --format '{{.Store.GraphDriverName}}' >/dev/null 2>"$log"; then
      return 0
    fi
    podman_do unshare rm -rf "$_podman_dir/graph" 2>/dev/null || true
  done
  PODMAN_WHY_NOT="podman finds no storage driver: $(tail -n 1 "$log")"
  return 1
}

# Then the runtime, by deed: crun refuses hybrid cgroups, runc may be missing, and where no cgroup
# may be made at all podman can do without.
_podman_choose_runtime() {
  local runtime cgroups probe log=$_podman_dir/runtime.log reasons=()
  probe=$(_podman_make_probe)
  for cgroups in enabled disabled; do
    for runtime in crun runc; do
      type -P "$runtime" >/dev/null || continue
      PODMAN_RUNTIME=$runtime
      _podman_flags=(--network none --cgroups "$cgroups")
      if podman_do --runtime "$runtime" run --rm "${_podman_flags[@]}" \
        --rootfs "$probe" /bin/true >"$log" 2>&1; then
        return 0
      fi
      # What is said without cgroups is about the makeshift, not about the cause.
      [[ $cgroups = disabled ]] || reasons+=("$runtime: $(tail -n 1 "$log")")
    done
  done
  if [[ ${#reasons[@]} -gt 0 ]]; then
    PODMAN_WHY_NOT="podman cannot start a container here: $(printf '%s; ' "${reasons[@]}")"
    PODMAN_WHY_NOT=${PODMAN_WHY_NOT%; }
  else
    PODMAN_WHY_NOT="neither crun nor runc is installed (apt install crun, or runc)"
  fi
  return 1
}

podman_setup() {
  local scratch=$1
  PODMAN_WHY_NOT=
  if ! type -P podman >/dev/null; then
    PODMAN_WHY_NOT="podman is not installed (apt install podman)"
    return 1
  fi
  if [[ $(id -u) == 0 ]]; then
    PODMAN_WHY_NOT="this is for rootless podman: run it as an ordinary user"
    return 1
  fi
  if ! type -P newuidmap >/dev/null; then
    PODMAN_WHY_NOT="newuidmap is not installed (apt install uidmap)"
    return 1
  fi
  if ! _podman_dir=$(mkdir -p "$scratch/podman" && cd "$scratch/podman" && pwd -P); then
    PODMAN_WHY_NOT="'$scratch' cannot be written to"
    return 1
  fi
  mkdir -p "$_podman_dir/home" "$_podman_dir/tmp"
  # Not in the scratch directory: the path of a socket has at most 107 bytes.
  local temporary=${TMPDIR:-/tmp}
  [[ ${#temporary} -lt 40 ]] || temporary=/tmp
  _podman_run=$(mktemp -d "$temporary/gbox-pd.XXXXXX") || {
    PODMAN_WHY_NOT="no directory can be made in '$temporary'"
    return 1
  }
  if ! _podman_choose_storage || ! _podman_choose_runtime; then
    podman_teardown
    return 1
  fi
  # The rest of the run uses what was found, podman's own default runtime aside.
  sed -i "s/^runtime = .*/runtime = \"$PODMAN_RUNTIME\"/" "$_podman_dir/containers.conf"
}

podman_load() {
  local text
  # podman 4 calls a directory after the path it was given, which must then make an image's name:
  # '/home/me/.cache/image' does not, 'image' does.
  text=$(cd "$(dirname "$1")" && podman_do load -q -i "$(basename "$1")") || return
  text=${text##*$'\n'}
  printf '%s\n' "${text#Loaded image*: }"
}

podman_run() {
  podman_do run --rm "${_podman_flags[@]}" "$@"
}

podman_teardown() {
  local pause
  [[ -n $_podman_dir && -d $_podman_dir ]] || return 0
  # Files of mapped ids can only be removed from within the user namespace that made them.
  podman_do unshare rm -rf "$_podman_dir/graph" 2>/dev/null || true
  # podman leaves a process behind that keeps its user namespace alive; the pid is its own.
  if [[ -r $_podman_run/libpod/tmp/pause.pid ]]; then
    read -r pause <"$_podman_run/libpod/tmp/pause.pid" || true
    [[ -z $pause ]] || kill "$pause" 2>/dev/null || true
  fi
  rm -rf "$_podman_dir" "$_podman_run"
  _podman_dir=
  _podman_run=
}
