# shellcheck shell=bash
# Runs things as an ordinary user: as whoever calls or, when root does, as an account that is made
# for it (once). gbox is for ordinary users, so no test and no example may depend on root.
# Sourced, after say.sh.
#
#   account_ensure       makes the account when root runs this; sets account and account_home
#   as_user CMD…         runs CMD as that user, in a clean environment
#   account_checkout DIR prints where that user finds a copy of the checkout DIR (DIR itself, when
#                        it is his own)
#   account_build DIR    prints where to build the checkout DIR, and makes that directory
#   account_namespaces   0 when a user namespace with subordinate ids can be had, else 1 and
#                        the reason in namespace_why_not

readonly account_name=gbox-test
account=
account_home=
# shellcheck disable=SC2034 # for whoever sources this
namespace_why_not=

# The first id after all ranges of subuid(5) file $1, so that no two accounts share ids.
_next_subordinate_id() {
  awk -F: '{ end = $2 + $3; if (end > next_id) next_id = end }
           END { print next_id < 100000 ? 100000 : next_id }' "$1" 2>/dev/null || echo 100000
}

_ensure_subordinate_ids() {
  local file first
  # useradd gives a range by itself where login.defs says so and the files exist; elsewhere, and
  # for accounts from older days, it is added here. Both files get the same range.
  grep -q "^$account:" /etc/subuid 2>/dev/null && grep -q "^$account:" /etc/subgid 2>/dev/null &&
    return
  first=$(printf '%s\n' "$(_next_subordinate_id /etc/subuid)" "$(_next_subordinate_id /etc/subgid)" |
    sort -n | tail -n 1)
  for file in /etc/subuid /etc/subgid; do
    grep -q "^$account:" "$file" 2>/dev/null ||
      printf '%s:%s:65536\n' "$account" "$first" >>"$file"
  done
}

account_ensure() {
  if [[ $EUID -ne 0 ]]; then
    account=$(id -un 2>/dev/null || id -u)
    account_home=$HOME
    return
  fi
  account=$account_name
  if ! id "$account" >/dev/null 2>&1; then
    touch /etc/subuid /etc/subgid
    useradd --create-home --shell /bin/bash --comment "runs gbox's tests and examples" "$account" ||
      die "cannot make the account '$account'"
    say "made the account '$account' to build as, because root itself must not be needed"
  fi
  account_home=$(getent passwd "$account" | cut -d: -f6)
  _ensure_subordinate_ids
}

# What of the caller's environment reaches the user's commands: how the network is reached, and
# what concerns the tests. Everything else could make a test pass here and nowhere else.
_environment() {
  local name
  for name in $(compgen -e); do
    case $name in
      http_proxy | https_proxy | ftp_proxy | no_proxy | all_proxy | HTTP_PROXY | HTTPS_PROXY | \
        FTP_PROXY | NO_PROXY | ALL_PROXY | SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE | \
        CURL_CA_BUNDLE | PIP_* | TERM | CI | NO_COLOR | GBOX_TEST*)
        printf '%s=%s\0' "$name" "${!name}"
        ;;
    esac
  done
}

# Runs a command where every user may open /dev/net/tun and /dev/fuse, as on most machines, in a mount
# namespace of its own so that nothing here changes; as things are, where that cannot be had.
_with_devices() {
  if [[ $(stat -c %a /dev/net/tun /dev/fuse 2>/dev/null | paste -sd,) != 666,666 ]] &&
    unshare --mount sh -c "$_make_devices" 2>/dev/null; then
    unshare --mount sh -c "$_make_devices"' && exec "$@"' devices "$@"
  else
    "$@"
  fi
}
readonly _make_devices='mkdir -p /dev/net && mount -t tmpfs -o mode=0755 tmpfs /dev/net &&
  mknod -m 0666 /dev/net/tun c 10 200 && mknod -m 0666 /dev/net/fuse c 10 229 &&
  { [ -e /dev/fuse ] || : >/dev/fuse; } && mount --bind /dev/net/fuse /dev/fuse &&
  : <>/dev/net/tun'

as_user() {
  local environment=()
  [[ -n $account ]] || account_ensure
  mapfile -d '' environment < <(_environment)
  environment+=("HOME=$account_home" "USER=$account" "LOGNAME=$account" LANG=C.UTF-8
    "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
  if [[ $EUID -eq 0 ]]; then
    # runuser keeps the working directory, which may be closed to the account.
    (cd "$account_home" && _with_devices runuser -u "$account" -- env -i "${environment[@]}" "$@")
  else
    env -i "${environment[@]}" "$@"
  fi
}

# What belongs to the checkout: tracked files and new ones that are not ignored; without git (a
# release archive) everything but build directories.
_checkout_files() {
  # safe.directory: root may look at a checkout of somebody else.
  if ! git -c safe.directory='*' ls-files -z --cached --others --exclude-standard 2>/dev/null; then
    find . \( -name 'build*' -o -name .cache -o -name .git \) -prune -o \( -type f -o -type l \) -print0
  fi
}

account_checkout() {
  local checkout=$1 copy
  if [[ $EUID -ne 0 ]]; then
    echo "$checkout"
    return
  fi
  # One copy for each checkout on this machine, so that two do not disturb one another.
  copy=$account_home/gbox-$(printf '%s' "$checkout" | sha256sum | cut -c1-8)
  as_user mkdir -p "$copy/source" || return
  # Removed and written again: a file that is gone here must be gone there. Times are kept, so
  # that ninja sees what has changed; the build directory lies beside it.
  (
    cd "$checkout" || exit
    # A file deleted but not yet committed is still listed.
    _checkout_files | while IFS= read -r -d '' file; do
      [[ ! -e $file && ! -L $file ]] || printf '%s\0' "$file"
    done | LC_ALL=C sort -z | tar --create --null --no-recursion --files-from=- --owner=0 --group=0 \
      --mode=u+rwX,go+rX,go-w
  ) | as_user sh -c 'rm -rf "$1" && mkdir "$1" && tar --extract --directory "$1"' copy "$copy/source" ||
    return
  echo "$copy/source"
}

account_build() {
  local checkout=$1 build=$1/build
  # A copy made for the account is replaced as a whole; what was built of it lies beside.
  [[ $checkout != "$account_home"/gbox-*/source ]] || build=${checkout%/source}/build
  # A checkout may be closed to who builds it: read-only, or somebody else's.
  if ! mkdir -p "$build" 2>/dev/null || [[ ! -w $build ]]; then
    build=${XDG_CACHE_HOME:-$account_home/.cache}/gbox-build-$(printf '%s' "$checkout" | sha256sum | cut -c1-8)
    mkdir -p "$build"
  fi
  echo "$build"
}

account_namespaces() {
  local output
  [[ -n $account ]] || account_ensure
  namespace_why_not=
  if output=$(as_user unshare --user --map-root-user --map-auto --mount --pid --fork \
    sh -c 'mount -t tmpfs none /mnt && touch /mnt/x && chown 250:250 /mnt/x' 2>&1); then
    return 0
  fi
  # shellcheck disable=SC2034
  namespace_why_not="'$account' can have no user namespace with subordinate ids: ${output##*$'\n'}"
  return 1
}
