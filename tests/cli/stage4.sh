#!/bin/bash
# examples/stage4/stage4.toml, the very file, from a mirror laid out as Gentoo's are to an image: a
# stage3 and a tree that are fetched and verified, everything rebuilt twice, and what is left of it.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/mirror.sh"

own_store stage4

# --- the mirror ---
# The tree is the stand-in's with what the spec names besides.
tree=$scratch/tree
standin_tree "$tree" "$e2e_root/tests/mirror/tree"
# They are in @world below, and would be rebuilt twice to show what others do.
rm -r "$tree"/{app-shells/bash,dev-util/pkgconf,sys-apps/{baselayout,coreutils,shadow},sys-libs/libcap}

# What Gentoo's stage3 has and the stand-in lacks, as far as the spec touches it.
zstd -qdc "$(stage3)" >"$scratch/stage3.tar"
more=$scratch/more
mkdir -p "$more"/etc "$more"/usr/{bin,lib,sbin} "$more"/usr/share/{doc,info,man}/standin \
  "$more"/usr/share/portage/config "$more"/var/lib/{gentoo/news,portage}
printf '%s\n' '# What this is' '#rc_sys=""' 'rc_sys="prefix"' 'rc_parallel="NO"' >"$more/etc/rc.conf"
# etc-update looks for what Portage leaves only where it knows Gentoo.
printf '%s\n' 'NAME=Gentoo' 'ID=gentoo' >"$more/usr/lib/os-release"
for kind in doc info man; do echo words >"$more/usr/share/$kind/standin/page"; done
echo one >"$more/var/lib/gentoo/news/news-gentoo.unread"
printf '%s\n' '[DEFAULT]' 'main-repo = gentoo' '[gentoo]' 'location = /var/db/repos/gentoo' \
  >"$more/usr/share/portage/config/repos.conf"
# Most of the stand-in's packages have no ebuild. In @world they outlive 'emerge --depclean' without
# being rebuilt. All but one, to see that it goes.
tar --list --file "$scratch/stage3.tar" |
  sed -nE 's,^\./var/db/pkg/([^/]+/[^/]+)-[0-9][^/]*/$,\1,p' | grep -v gettext \
  >"$more/var/lib/portage/world"
cp "$tree/sys-apps/locale-gen/files/locale-gen" "$more/usr/sbin"
cat >"$more/usr/bin/eselect" <<'SCRIPT'
#!/bin/bash
unread=/var/lib/gentoo/news/news-gentoo.unread
case "$*" in
  'news read --quiet all') mv "$unread" "${unread%.unread}.read" ;;
  'news purge') rm "${unread%.unread}.read" ;;
  *) echo "eselect: what is '$*'?" >&2; exit 1 ;;
esac
SCRIPT
chmod 755 "$more/usr/sbin/locale-gen" "$more/usr/bin/eselect"
tar --append --file "$scratch/stage3.tar" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
  --directory "$more" etc usr var
zstd -q -1 -T2 --rm "$scratch/stage3.tar"

"$e2e_root/tests/mirror/make" "$scratch/mirror" --tree "$tree" --tree-name gentoo \
  --stage3 "$scratch/stage3.tar.zst=nomultilib-openrc" --variants nomultilib-openrc \
  --stamps "$(date --utc --date yesterday +%Y%m%dT170312Z)" \
  --dates "$(date --utc --date '2 days ago' +%Y%m%d)" --distfiles "$(distfiles)"
mirror_start gentoo "$scratch/mirror/root"

# --- the build ---
# A copy, because the lock is written beside it.
cp "$e2e_root/examples/stage4/stage4.toml" "$scratch/stage4.toml"
options=(--keyring "$scratch/mirror/keys/keys.asc"
  --set "mirror=http://127.0.0.1:${mirror_port[gentoo]}")
build_events "$scratch/first" "$scratch/stage4.toml" "${options[@]}" --output "oci:$scratch/image"
[[ $status -eq 0 ]] || fail "exit status $status"
digest=${out##* }

# --- what was done ---
world=$(gbox log world)
times() { grep -c -- "$1" <<<"$world" || true; }
for package in sys-libs/glibc sys-devel/gcc sys-apps/locale-gen app-portage/gentoolkit; do
  assert_equal "$(times ">>> Completed ([0-9]* of [0-9]*) $package-")" 2 "builds of $package"
done
assert_equal "$(times '>>> Install sys-devel/gcc-.* into /var/tmp/on-disk/portage/')" 2
assert_equal "$(times '>>> Install .* into /var/tmp/on-disk/')" 2 "only gcc is built on disk"
assert_contains "$world" "Your system is consistent"
assert_matches "$(gbox log clean)" 'Number removed: +1'

lock=$(<"$scratch/stage4.lock")
assert_contains "$lock" "stage3-amd64-nomultilib-openrc-$(<"$scratch/mirror/stamps").tar.xz"
assert_contains "$lock" "gentoo-$(<"$scratch/mirror/dates").tar.xz"
assert_contains "$lock" 'march = "-march='

# --- the image ---
ok skopeo inspect --config "oci:$scratch/image"
assert_equal "$(jq -c .config.Cmd <<<"$out")" '["/bin/bash"]'
assert_equal "$(jq -r .config.WorkingDir <<<"$out")" /root
assert_equal "$(jq -r '.rootfs.diff_ids | length' <<<"$out")" 1 "layers"
# Mount points stay, what was mounted does not.
names=$(layer_names "$scratch/image")
assert_equal "$(grep -E '^(\./)?var/(db/repos|cache/distfiles|tmp|log)/.' <<<"$names" | grep -v '/\.keep_')" "" \
  "files of the tree, of distfiles, of builds and logs"
assert_equal "$(grep -E '^(\./)?usr/share/(doc|info|man)/.|/\._cfg' <<<"$names")" "" \
  "documentation and configuration updates"

run_with_input "" gbox run "oci:$scratch/image" /bin/bash -c '
set -e
echo "directory $PWD, language $LANG"
. /etc/profile.env
echo "profile.env $LANG"
locale -a | grep -x en_US.utf8
cat /etc/locale.gen
grep rc_ /etc/rc.conf
echo "zone $(readlink /etc/localtime) $(date +%Z)"
ls /var/lib/gentoo/news
cd /var/db/pkg
cat sys-devel/gcc-*/CFLAGS sys-devel/gcc-*/PF
ls -d sys-devel/gettext-* 2>/dev/null || echo "no gettext"
grep -x app-portage/gentoolkit /var/lib/portage/world
echo "int main(void) { return 42; }" >/tmp/answer.c
gcc -o /tmp/answer /tmp/answer.c
/tmp/answer || echo "the compiler answers $?"'
[[ $status -eq 0 ]] || fail "exit status $status"
assert_contains "$out" 'directory /root, language en_US.UTF-8'
assert_contains "$out" 'profile.env en_US.UTF-8'
assert_contains "$out" $'\nen_US.utf8\nen_US.UTF-8 UTF-8\n'
assert_contains "$out" $'\n#rc_sys=""\nrc_parallel="NO"\nrc_sys="docker"\n'
assert_contains "$out" $'\nzone ../usr/share/zoneinfo/UTC UTC\n-march='
assert_contains "$out" ' -Os -pipe'
assert_contains "$out" $'\nno gettext\napp-portage/gentoolkit\nthe compiler answers 42'

# --- again ---
# The lock says what to take; nothing is asked of the mirror, and nothing runs.
mirror_stop gentoo
build_events "$scratch/second" "$scratch/stage4.toml" "${options[@]}" --offline --locked \
  --output "oci:$scratch/again"
[[ $status -eq 0 ]] || fail "exit status $status"
assert_equal "$(events "$scratch/second" step-start)" "" "steps of a second build"
assert_equal "${out##* }" "$digest"

# Another processor: the base stays, all that is compiled does not.
ok gbox plan --json "$scratch/stage4.toml" "${options[@]}" --offline --set march=x86-64
assert_equal "$(jq -r '[.steps[] | select(.cached) | .name] | join(" ")' <<<"$out")" base
assert_equal "$(jq -r '.steps[1].name' <<<"$out")" config
