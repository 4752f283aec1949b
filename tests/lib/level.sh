# shellcheck shell=bash
# Makes gbox go on at a lower level than this host allows, by taking away what it needs for more:
# GBOX_TEST_LEVEL=LEVEL tests/cli/NAME.sh. `tests/run --long` does that with the scripts that build
# whole images. Sourced by e2e.sh.
#
#   proc     /proc is masked        (proc-bound)
#   copy     roots are copies       (no-kernel-overlay)
#   fuse     by fuse-overlayfs      (no-kernel-overlay)
#   single   one id is mapped       (single-id)

# level_force NAME DIRECTORY: from here on; DIRECTORY is one that any account can reach.
# shellcheck disable=SC2154 # e2e_lib is e2e.sh's
level_force() {
  case $1 in
    proc)
      cp "$GBOX" "$2/gbox"
      printf '#!/bin/bash\nexec %q %q "$@"\n' "$e2e_lib/masked-proc" "$2/gbox" >"$2/gbox-at-level"
      chmod 755 "$2/gbox-at-level"
      GBOX=$2/gbox-at-level
      ;;
    copy | fuse) export GBOX_STORAGE=$1 ;;
    single) export GBOX_ID_MAP=single ;;
    *) die "no level can be forced by GBOX_TEST_LEVEL='$1'" "proc, copy, fuse or single" ;;
  esac
}

# What the 'level' event of a build must say.
level_name() {
  case $1 in
    proc) echo proc-bound ;;
    copy | fuse) echo no-kernel-overlay ;;
    single) echo single-id ;;
  esac
}
