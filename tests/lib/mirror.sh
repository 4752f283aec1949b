# shellcheck shell=bash
# Starts servers of tests/mirror/serve.py for a script's life. Sourced, after e2e.sh or say.sh.
#
#   mirror_start NAME [OPTION…] DIR   as serve.py takes them; sets mirror_port[NAME]
#   mirror_stop NAME                  before the script's end, when a test needs it gone
#   standin_tree TREE MORE            makes TREE: the stand-in repository with what MORE adds to it,
#                                     where 'FILE+' holds more lines for FILE

# shellcheck disable=SC2034 # mirror_port is for whoever sources this
declare -A mirror_port=() _mirror_input=()

standin_tree() {
  local more
  cp -r "${e2e_root:?}/tests/standin/repo" "$1"
  cp -r "$2/." "$1"
  while IFS= read -r more; do
    cat "$more" >>"${more%+}"
    rm "$more"
  done < <(find "$1" -name '*+')
}

mirror_start() {
  local name=$1 ready input
  shift
  ready=$(mktemp -d)
  mkfifo "$ready/port"
  # It ends when the last holder of its standard input has: this shell, and what it started.
  exec {input}> >(exec python3 -IS "$(dirname "${BASH_SOURCE[0]}")/../mirror/serve.py" "$@" \
    >"$ready/port")
  read -r "mirror_port[$name]" <"$ready/port" || {
    echo "the server of '$name' does not start: serve.py $*" >&2
    return 1
  }
  _mirror_input[$name]=$input
  rm -rf "$ready"
}

mirror_stop() {
  local input=${_mirror_input[$1]}
  exec {input}>&-
  unset "_mirror_input[$1]" "mirror_port[$1]"
}
