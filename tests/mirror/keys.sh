# shellcheck shell=bash
# OpenPGP keys for a mirror of the tests, and signatures by them. Sourced.
#
#   keys_open KEYS           use the keys in this directory, made when it has none
#   keys_sign NAME FORM FILE [TIME]
#                            the signature on standard output. FORM: clear, detach (armoured) or
#                            binary; TIME (20240110T120000) when it claims to be made (UTC),
#                            2024 or later
#   keys_close               ends gpg's agent; call it from an EXIT trap
#
# NAME is release, snapshot, expired (valid in January 2024 only) or unknown. KEYS/keys.asc is a
# ring as Gentoo's is, of all but the unknown one; NAME.asc holds one certificate each, and
# 'fingerprints' has a 'NAME FINGERPRINT' a line, of primary keys. As with Gentoo's keys a primary
# key certifies only and a subkey signs, so that who compares fingerprints must look at the right
# one.

_keys_home=
_keys_link=

_keys_gpg() {
  local said
  # gpg talks about trust and time even when all is well; what it said matters when it fails.
  said=$(mktemp "$_keys_home/said.XXXXXX")
  if ! GNUPGHOME=$_keys_home gpg --batch --yes --no-tty "$@" 2>"$said" </dev/null; then
    cat "$said" >&2
    rm -f "$said"
    return 1
  fi
  rm -f "$said"
}

_keys_make() {
  local name=$1 person=$2 expire=$3
  cat >"$_keys_home/recipe" <<RECIPE
%no-protection
Key-Type: eddsa
Key-Curve: ed25519
Key-Usage: cert
Subkey-Type: eddsa
Subkey-Curve: ed25519
Subkey-Usage: sign
Name-Real: $person
Name-Email: $name@standin.invalid
Expire-Date: $expire
%commit
RECIPE
  # Older than anything it signs, or its signatures would not count.
  _keys_gpg --faked-system-time '20240101T000000!' --gen-key "$_keys_home/recipe"
  rm -f "$_keys_home/recipe"
}

keys_open() {
  local keys=$1 name
  mkdir -p "$keys/gnupg"
  chmod 700 "$keys/gnupg"
  _keys_home=$(realpath "$keys/gnupg")
  # The agent's sockets lie in its home, and a socket's name has room for about 100 bytes.
  if [[ ${#_keys_home} -gt 70 ]]; then
    _keys_link=$(mktemp -d "${TMPDIR:-/tmp}/gpg.XXXXXX")
    ln -s "$_keys_home" "$_keys_link/h"
    _keys_home=$_keys_link/h
  fi
  [[ ! -e $keys/fingerprints ]] || return 0
  _keys_make release 'Stand-in Release Engineering' 0
  _keys_make snapshot 'Stand-in Repository Snapshots' 0
  _keys_make expired 'Stand-in Release Engineering (old)' 30d
  _keys_make unknown 'Somebody Else' 0
  for name in release snapshot expired unknown; do
    _keys_gpg --armor --export "$name@standin.invalid" >"$keys/$name.asc"
    echo "$name $(_keys_gpg --with-colons --list-keys "$name@standin.invalid" |
      awk -F: '$1 == "fpr" { print $10; exit }')" >>"$keys/fingerprints.new"
  done
  _keys_gpg --armor --export release@standin.invalid snapshot@standin.invalid \
    expired@standin.invalid >"$keys/keys.asc"
  mv "$keys/fingerprints.new" "$keys/fingerprints"
}

keys_sign() {
  local name=$1 form=$2 file=$3 time=${4:-} options=()
  case $form in
    clear) options=(--clearsign) ;;
    detach) options=(--detach-sign --armor) ;;
    binary) options=(--detach-sign) ;;
    *)
      echo "keys_sign: '$form' is not clear, detach or binary" >&2
      return 2
      ;;
  esac
  if [[ -z $time && $name == expired ]]; then time=20240110T120000; fi
  [[ -z $time ]] || options+=(--faked-system-time "$time!")
  _keys_gpg --local-user "$name@standin.invalid" --digest-algo SHA512 "${options[@]}" \
    --output - "$file"
}

keys_close() {
  [[ -z $_keys_home ]] || GNUPGHOME=$_keys_home gpgconf --kill all
  [[ -z $_keys_link ]] || rm -rf "$_keys_link"
  _keys_home=
  _keys_link=
}
