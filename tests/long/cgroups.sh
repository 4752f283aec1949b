#!/bin/bash
# Limits that the kernel keeps, by cgroups of version 2 that are handed on. The machine at hand may
# have none to give, so this boots one of its own: User Mode Linux, a kernel that is a program, with
# this file system as its root and the store on a disk of its own.
# GBOX_TEST_INSIDE=yes: the half that runs in there.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

build_phase() { # KEYS SCRIPT
  spec "$scratch/stage4.toml" <<TOML
[[phase]]
name = "p"
$1
run = '''
$2
'''
TOML
  run gbox build "$scratch/stage4.toml" --until p
}
# No word of another way to keep a limit, and no group left.
kept_by_kernel() {
  ok gbox log p
  [[ $out != *"limits are kept by looking"* ]] || fail "$out"
  assert_equal "$(find /sys/fs/cgroup/part -mindepth 1 -type d | LC_ALL=C sort)" /sys/fs/cgroup/part/gbox
}

inside() {
  own_store store
  assert_equal "$(cat /proc/self/cgroup)" "0::/part"
  build_phase 'limits = { memory = "200M" }' \
    "for i in 1 2 3; do python3 -c 'x = bytearray(120 << 20); import time; time.sleep(60)' & done; wait"
  assert_equal "$status" 6
  assert_error "at its limit 'memory = 200M'"
  kept_by_kernel
  build_phase 'limits = { processes = 40 }' 'for i in $(seq 100); do sleep 20 & done; wait'
  assert_equal "$status" 6
  assert_error "at its limit 'processes = 40'"
  kept_by_kernel
  build_phase 'limits = { memory = "400M", processes = 40 }' 'python3 -c "x = bytearray(120 << 20)"'
  assert_equal "$status" 0
  kept_by_kernel
  # Two at once share the part that was handed on.
  (build_phase 'limits = { processes = 41 }' 'sleep 5' && exit "$status") &
  local one=$!
  build_phase 'limits = { processes = 42 }' 'sleep 1'
  assert_equal "$status" 0
  wait "$one" || fail "the build beside it exited $?"
  kept_by_kernel
  echo passed >"$GBOX_TEST_RESULT"
}

if [[ ${GBOX_TEST_INSIDE:-no} == yes ]]; then
  inside
  exit
fi

command -v linux.uml >/dev/null || die "there is no 'linux.uml'" "apt-get install user-mode-linux"
stage3 >/dev/null
truncate -s 8G "$scratch/disk"
cat >"$scratch/init" <<SH
#!/bin/bash
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t cgroup2 groups /sys/fs/cgroup
grep -q overlay /proc/filesystems || insmod /usr/lib/uml/modules/\$(uname -r)/kernel/fs/overlayfs/overlay.ko
mkfs.ext4 -F -q /dev/ubda && mount /dev/ubda /mnt && mkdir -m 777 /mnt/home
cd /sys/fs/cgroup && echo "+memory +pids" >cgroup.subtree_control && mkdir part
chown $(id -u) part part/cgroup.procs part/cgroup.subtree_control && echo \$\$ >part/cgroup.procs
cd /mnt/home && setpriv --reuid=$(id -u) --regid=$(id -g) --clear-groups \
  env HOME=/mnt/home TMPDIR=/mnt/home GBOX_TEST_INSIDE=yes GBOX_TEST_RESULT="$scratch/result" \
  GBOX_TEST_CACHE=/mnt/home/cache GBOX_TEST_WORK= GBOX="$GBOX" GBOX_TEST_STAGE3="$GBOX_TEST_STAGE3" \
  "$e2e_root/tests/long/cgroups.sh"
sync
echo o >/proc/sysrq-trigger
sleep 10
SH
chmod 755 "$scratch/init"
TMPDIR=$scratch timeout 1500 linux.uml mem=3G root=/dev/root rootfstype=hostfs rw init="$scratch/init" \
  ubd0="$scratch/disk" con=null con0=fd:0,fd:1 quiet </dev/null >"$scratch/console" 2>&1 || true
[[ $(cat "$scratch/result" 2>/dev/null) == passed ]] || fail "in the machine: $(tail -n 30 "$scratch/console")"
