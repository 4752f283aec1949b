# shellcheck shell=bash
# shellcheck disable=SC2154 # e2e.sh assigns scratch and e2e_lib
# A real registry (Debian's docker-registry) on loopback, with TLS and passwords, for scripts that
# have sourced e2e.sh.
#
#   registry_start NAME [ROOT]  one more registry, its storage in ROOT (default: $scratch/NAME):
#               its "host:port" in $registry, its log in $scratch/NAME.log
#   $registry_ca  the authority that its certificate is of
#   registry_login HOST [USER [PASSWORD]]  writes $REGISTRY_AUTH_FILE; 'reader:readerpass' and
#               'writer:writerpass' are known to every registry
#   cut_start HOST BYTES [TIMES] [--for-good]  a way to that host that cuts the first TIMES
#               (default: 1) connections after BYTES of either direction, or the first and with it
#               the way; its "host:port" in $cut
#   cut_told FIELD  what came of it, once no connection is open: the "most" connections at once, or
#               the bytes that went "up" or "down"
e2e_registry_bin=$(PATH=$PATH:/usr/sbin:/usr/bin type -P docker-registry) ||
  skip "docker-registry is not installed (apt install docker-registry)"
type -P openssl >/dev/null || skip "openssl is not installed (apt install openssl)"

registry_tls=$scratch/tls
registry_ca=$registry_tls/ca.pem
mkdir "$registry_tls"
_registry_certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=the tests authority' \
    -keyout "$registry_tls/ca.key" -out "$registry_ca"
  openssl req -newkey rsa:2048 -nodes -subj '/CN=registry' \
    -keyout "$registry_tls/key.pem" -out "$registry_tls/csr.pem"
  openssl x509 -req -in "$registry_tls/csr.pem" -CA "$registry_ca" -CAkey "$registry_tls/ca.key" \
    -CAcreateserial -days 2 -out "$registry_tls/cert.pem" \
    -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1')
} >/dev/null 2>"$scratch/openssl.log"
_registry_certificates || fail "$(<"$scratch/openssl.log")"

# bcrypt is what docker-registry takes; a low cost keeps each request from taking a second.
python3 -W ignore - >"$scratch/htpasswd" <<'PY'
import crypt
for user in ("reader", "writer"):
    salt = crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)
    print(user + ":" + crypt.crypt(user + "pass", salt))
PY

export REGISTRY_AUTH_FILE=$scratch/auth.json
unset DOCKER_CONFIG

_free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

_wait_for_port() { # HOST:PORT LOG
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null && return
    sleep 0.05
  done
  fail "nothing listens on $1: $(tail -n 5 "$2")"
}

registry_start() {
  local name=$1 root=${2:-$scratch/$1}
  registry=127.0.0.1:$(_free_port)
  mkdir -p "$root"
  cat >"$scratch/$name.yml" <<YML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $root}
  delete: {enabled: true}
http:
  addr: $registry
  tls: {certificate: $registry_tls/cert.pem, key: $registry_tls/key.pem}
auth:
  htpasswd: {realm: tests, path: $scratch/htpasswd}
YML
  # It takes every variable REGISTRY_* for a part of its configuration.
  env -u REGISTRY_AUTH_FILE "$e2e_registry_bin" serve "$scratch/$name.yml" >"$scratch/$name.log" 2>&1 &
  registry_pid=$!
  e2e_background+=("$registry_pid")
  _wait_for_port "$registry" "$scratch/$name.log"
}

registry_login() {
  local user=${2:-writer}
  jq -n --arg host "$1" --arg auth "$(printf '%s:%s' "$user" "${3:-${user}pass}" | base64 -w0)" \
    '{auths: {($host): {auth: $auth}}}' >"$REGISTRY_AUTH_FILE"
}
registry_logout() { rm -f "$REGISTRY_AUTH_FILE"; }

cut_start() {
  cut=127.0.0.1:$(_free_port)
  python3 "$e2e_lib/cut.py" "$cut" "$@" >"$scratch/cut.log" 2>&1 &
  e2e_background+=("$!")
  _wait_for_port "$cut" "$scratch/cut.log"
}

cut_told() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    [[ $(tail -n 1 "$scratch/cut.log" | jq .open) -ne 0 ]] || break
    sleep 0.1
  done
  tail -n 1 "$scratch/cut.log" | jq ".$1"
}

# api PATH [CURL-ARGUMENT…]: asks $registry as 'writer'.
api() {
  local path=$1
  shift
  curl --silent --show-error --cacert "$registry_ca" --user writer:writerpass "$@" \
    "https://$registry/v2/$path"
}
