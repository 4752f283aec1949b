#!/bin/bash
# A host without newuidmap: one id can be mapped, and owners, devices and the ids of processes are
# emulated. The same spec gives the image that it gives where all ids can be had; what a step is told
# of owners is what it said, in this step, in the next and in the image.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

# Helpers that have lost their privilege, as in an image that was copied.
mkdir "$scratch/bin"
cp "$(type -P newuidmap)" "$(type -P newgidmap)" "$scratch/bin/"
without_helpers() { PATH=$scratch/bin:$PATH "$@"; }

# Binary packages of Portage's hold no FIFO.
{ standin_head && cat; } <<'TOML' | sed 's,^make_conf.*,&\npackage_use = { "sys-demo/oddities" = ["-fifo"] },' >"$scratch/stage4.toml"
[[phase]]
name = "layout"
root = "/destination"
emerge = ["sys-apps/baselayout"]
[[phase]]
name = "odd"
root = "/destination"
emerge = ["virtual/libc", "sys-demo/oddities"]
[[phase]]
name = "hands"
copy = [{ from = "copied", to = "/destination/hands/copied", owner = "33:44", mode = "4750" }]
run = """
set -e
umask 022
cd /destination/hands
expect() { # FILE OWNER: as every call tells it
  for told in "$(stat -c %u:%g "$1")" "$(find "$1" -maxdepth 0 -printf %U:%G)" \
    "$(python3 -c 'import os, sys; s = os.lstat(sys.argv[1]); print(f"{s.st_uid}:{s.st_gid}")' "$1")"; do
    [ "$told" = "$2" ] || { echo "$1 is of $told, not of $2"; exit 1; }
  done
}
expect copied 33:44
touch file; chown 250:250 file; expect file 250:250
chgrp 0 file; expect file 250:0; chown 0 file; expect file 0:0; chown 250:251 file
ln file hard; expect hard 250:251
mv file renamed; expect renamed 250:251; ln renamed "again and again"
ln -s nowhere link; chown -h 5:6 link; expect link 5:6; mv link moved; expect moved 5:6
ln -s renamed follows; chown 7:8 follows; expect renamed 7:8; expect follows 0:0
mkfifo fifo; chown 9:10 fifo; expect fifo 9:10
mkdir -p tree/of/directories; touch tree/of/it; ln -s it tree/of/link
chown -R 65534:65535 tree; expect tree/of/link 65534:65535; expect tree/of/directories 65534:65535
cp -a tree copy-of-tree; expect copy-of-tree/of/link 65534:65535
tar -cf - tree | tar -C /tmp -xf -; (cd /tmp; expect tree/of/link 65534:65535)
! chown 65536 renamed 2>/dev/null; ! chown 0:65536 renamed 2>/dev/null; expect renamed 7:8
touch setuid; chmod 6755 setuid; chown 250:250 setuid; [ "$(stat -c %a setuid)" = 755 ]
chmod 6711 setuid; [ "$(stat -c %a setuid)" = 6711 ]; expect setuid 250:250
cp /bin/true capable; setcap cap_net_raw+ep capable; chown 250 capable; [ -z "$(getcap capable)" ]
setcap cap_net_raw+ep capable; [ -n "$(getcap capable)" ]
setfattr -n user.kept -v 1 renamed 2>/dev/null || python3 -c 'import os; os.setxattr("renamed", "user.kept", b"1")'
python3 - <<'P'
import os
assert os.listxattr("renamed") == ["user.kept"], os.listxattr("renamed")
assert os.listxattr("moved", follow_symlinks=False) == []
os.symlink("x", "at"); os.chown("at", 11, 12, follow_symlinks=False)
fd = os.open("renamed", os.O_RDONLY); os.fchown(fd, 13, 14); assert os.fstat(fd).st_gid == 14
os.chown(f"/proc/self/fd/{fd}", 15, 16); assert os.stat(fd).st_uid == 15
P
"""
[[phase]]
name = "later"
run = """
set -e
cd /destination/hands
[ "$(stat -c %u:%g hard renamed moved fifo setuid)" = "15:16
15:16
5:6
9:10
250:250" ]
echo more >>hard; [ "$(stat -c %u:%g renamed)" = 15:16 ]
touch -h moved; mv moved back; [ "$(stat -c %u:%g back)" = 5:6 ]
rm -r copy-of-tree; mv tree other; [ "$(stat -c %u:%g other/of/link)" = 65534:65535 ]
mkdir group; chown 0:27 group; chmod 2775 group; touch group/in; mkdir group/sub; ln -s x group/link
[ "$(stat -c %u:%g:%a group/in group/sub group/link)" = "0:27:644
0:27:2755
0:27:777" ]
chmod 777 .
# Ids of processes, and of those they start.
setpriv --reuid 250 --regid 251 --groups 5,7 sh -c '
  [ "$(id -u):$(id -g):$(id -G)" = "250:251:251 5 7" ] && (sleep 0; [ "$(id -un)" = "$(id -un 250)" ])'
! setpriv --reuid 250 chown 1 hard 2>/dev/null
! setpriv --reuid 250 setpriv --reuid 0 true 2>/dev/null
python3 - <<'P'
import os, threading
def child(action):
    pid = os.fork()
    if pid == 0:
        try:
            action(); os._exit(0)
        except BaseException as error:
            print(error); os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
def drop():
    os.setgroups([9, 3]); os.setresgid(1, 2, 3); os.setresuid(4, 5, 6)
    assert os.getresuid() == (4, 5, 6) and os.getresgid() == (1, 2, 3), os.getresuid()
    assert os.getgroups() == [3, 9], os.getgroups()
    os.mkdir("of-five"); os.symlink("x", "of-five/l"); os.close(os.open("of-five/f", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o4640))
    with open("of-five/g", "x") as file: file.write("made")
    assert open("of-five/g").read() == "made" and os.stat("of-five/f").st_mode == 0o104640
    for name in "of-five", "of-five/l", "of-five/f", "of-five/g":
        assert (os.lstat(name).st_uid, os.lstat(name).st_gid) == (5, 2), os.lstat(name)
    os.setuid(6); assert os.getresuid() == (4, 6, 6)
    try:
        os.setuid(0)
    except PermissionError:
        pass
    else:
        raise AssertionError("an id came back")
    # A child whose parent has ended is still who it was.
    if os.fork() == 0:
        if os.fork() == 0:
            assert os.getresuid() == (4, 6, 6); os.execv("/bin/sh", ["sh", "-c", "test $(id -u) = 6"])
        os._exit(0)
    os.wait()
child(drop)
thread = threading.Thread(target=lambda: child(drop)); thread.start(); thread.join()
assert os.getuid() == 0 and os.getgroups() == []
P
"""
[output]
root = "/destination"
compression = "none"
check = { closure = false } # links that lead nowhere are part of the test
TOML
echo "copied" >"$scratch/copied"

# As strong as this host is made for: what is compared with.
ok gbox build --require-level full "$scratch/stage4.toml" --output "oci:$scratch/full"

own_store single
fails 3 without_helpers gbox build --require-level full "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_error "has neither the setuid bit nor" "uidmap"
ok without_helpers gbox build --progress plain "$scratch/stage4.toml" --output "oci:$scratch/image"
assert_matches "$err" "level +single-id: .*has neither the setuid bit nor.*lost: .*uidmap"

tree_of() { # LAYOUT: one line an entry, with owners, modes and attributes
  local tree=$scratch/tree-of-${1##*/}
  "$e2e_lib/in-ids" mkdir "$tree"
  "$e2e_lib/in-ids" "$e2e_lib/apply-layers" "$1" "$tree"
  # When packages were merged, and what that was logged as.
  "$e2e_lib/in-ids" "$e2e_lib/tree.py" --skip var/log --skip var/db/pkg --skip var/cache/edb \
    --skip var/cache/ldconfig \
    --skip var/lib/portage "$tree"
}
tree_of "$scratch/full" >"$scratch/full.txt"
tree_of "$scratch/image" >"$scratch/image.txt"
grep -q $'\t15:16\t' "$scratch/full.txt" || fail "$(cat "$scratch/full.txt")"
diff "$scratch/full.txt" "$scratch/image.txt" >"$scratch/diff" || fail "$(head -40 "$scratch/diff")"

# Nothing in the store is anybody else's, nothing of gbox's own is in the image.
assert_equal "$(find "$store" ! -user "$(id -u)" -print -quit)" "" "files of others"
! grep -rqs user.gbox "$scratch/image" || fail "gbox's own attributes are in the image"

# Device nodes: where an own one cannot be made, a record of it gets into the image.
cat >"$scratch/devices.toml" <<TOML
name = "devices"
[base]
tarball = "$(stage3)"
[[phase]]
name = "nodes"
run = """
set -e
umask 022
mkdir /nodes; cd /nodes
mknod disk b 8 1; chown 0:6 disk; chmod 660 disk; mknod -m 600 console c 5 1; mknod pipe p
[ "\$(stat -c '%F %t:%T %g' disk)" = 'block special file 8:1 6' ]
[ -c console ]; mv console moved; [ "\$(stat -c '%t:%T %a' moved)" = '5:1 600' ]; cp -a moved copied
! mknod disk c 1 3 2>/dev/null; ! mknod whiteout c 0 0 2>/dev/null; [ ! -e whiteout ]
! setpriv --reuid 250 mknod null c 1 3 2>/dev/null
tar -cf - disk | tar -tvf - | grep -q '^brw'
# The record itself is not for tools that copy attributes, nor to be written.
python3 - <<'P'
import os
for change in (lambda: os.setxattr("moved", "user.gbox.owner", b"1:1"),
               lambda: os.removexattr("moved", "user.gbox.owner")):
    try:
        change()
    except PermissionError:
        continue
    raise SystemExit("a record could be forged")
# Names that change while they are read, and callers that are killed while they wait.
import ctypes, signal, threading, time
libc = ctypes.CDLL(None)
name = ctypes.create_string_buffer(4096)
names = [b"/nodes/disk", b"", b"/proc/1/root/etc", b"/proc/self/exe", b"../../../../nodes/race", b"x" * 4000]
end = time.time() + 1
def change():
    while time.time() < end:
        for one in names:
            ctypes.memmove(name, one + bytes(1), len(one) + 1)
threading.Thread(target=change).start()
while time.time() < end:
    libc.lchown(name, 0, 6)
    libc.mknod(name, 0o20600, 0x103)
    libc.mknod(ctypes.c_void_p(8), 0o20600, 0x103)
    pid = os.fork()
    while pid == 0:
        os.lstat("disk")
        libc.chown(b"moved", 0, 0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
try:
    os.unlink("race")
except FileNotFoundError:
    pass
P
[ "\$(stat -c '%t:%T %g' disk)" = '8:1 6' ]
"""
[output]
layers = "single"
compression = "none"
TOML
ok gbox build --id-map single "$scratch/devices.toml" --output "oci:$scratch/devices"
layer=$(image_blob "$scratch/devices" "$(jq -r '.layers[-1].digest' "$(image_manifest "$scratch/devices")")")
assert_equal "$(tar --numeric-owner -tvf "$layer" | awk '/ nodes\/./ || / \.\/nodes\/./ { print $1, $2, $3 }' | sort)" \
  "brw-rw---- 0/6 8,1
crw------- 0/0 5,1
crw------- 0/0 5,1
prw-r--r-- 0/0 0"

# A store that was written under one map is not used under the other.
fails 3 gbox cache ls
assert_error "was written with ids" "--id-map single"
ok gbox cache ls --id-map single
ok env GBOX_ID_MAP=single "$GBOX" cache ls
ok setpriv --no-new-privs "$GBOX" cache ls
