#!/bin/bash
# What is chosen in a ROOT by eselect, when it cannot be chosen at once: the module is merged after
# the package that asks, or this machine mounts no overlays. It is chosen when all is merged, or the
# phase fails. And what a phase takes over by name, and what its scripts choose.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

# A package that chooses before its module is there, among two; the name of the choice is USE.
repo=$scratch/repo
mkdir -p "$repo"/{metadata,profiles,app-hasty/{hasty,eselect-hasty}}
printf '%s\n' 'masters = standin' 'thin-manifests = true' >"$repo/metadata/layout.conf"
echo hasty >"$repo/profiles/repo_name"
echo app-hasty >"$repo/profiles/categories"
head='EAPI=8
DESCRIPTION="In a hurry"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"'
cat >"$repo/app-hasty/hasty/hasty-1.ebuild" <<EBUILD
$head
IUSE="wrong"
PDEPEND="app-hasty/eselect-hasty"
src_install() {
	insinto /usr/share/hasty
	newins - one <<<one
	newins - two <<<two
}
pkg_postinst() {
	[[ -z \$(eselect hasty show) ]] || die "something is chosen"
	eselect hasty set \$(usex wrong three two) || die "eselect failed"
}
EBUILD
cat >"$repo/app-hasty/eselect-hasty/eselect-hasty-1.ebuild" <<EBUILD
$head
RDEPEND="app-admin/eselect-demo app-hasty/hasty"
src_install() {
	insinto /usr/share/eselect/modules
	newins - hasty.eselect <<-'MODULE'
		do_show() { readlink /usr/share/hasty/current; }
		do_set() {
			[[ -e /usr/share/hasty/\$1 ]] || die "invalid target \$1"
			ln -sfn "\$1" /usr/share/hasty/current
		}
	MODULE
}
EBUILD

choices_spec() {
  local file=$1 name=$2 use=$3 phases=$4
  spec "$file" "$name" <<TOML
$phases
[output]
root = "/destination"
compression = "none"
check = { closure = false } # what chooses is a script, and nobody merges a shell
TOML
  sed -i "/^make_conf/ i package_use = { \"app-hasty/hasty\" = [\"$use\"] }" "$file"
  sed -i "s,^profile = .*,profile = \"standin:standin/linux/amd64\",; /^\[portage\]/ i [repos.hasty]\npath = \"$repo\"" "$file"
}

# --- chosen at the end; in scripts at once; packages taken over by name ---
choices_spec "$scratch/choices.toml" choices -wrong '
[[phase]]
name = "choices"
root = "/destination"
copy = [{ from = "loader", to = "/usr/lib/ld-musl-demo.so.1" }]
copy_package = ["app-arch/gzip"]
emerge = ["app-hasty/hasty", "app-demo/jukebox"]
[[phase]]
name = "script"
root = "/destination"
policy = "emerge"
run = """
eselect hasty show
eselect hasty set one
ROOT= eselect tune show
"""'
: >"$scratch/loader" # musl's looks for libraries where a file says
ok gbox build "$scratch/choices.toml" --output "oci:$scratch/choices"
log=$(gbox log choices)
assert_contains "$log" ">>> gbox: eselect hasty set two: waits for the end of the phase"
assert_contains "$log" ">>> gbox: done in '/destination': eselect hasty set two"
# A module that looks at '/' alone chose in the ROOT, and in there only.
assert_contains "$log" ">>> gbox: eselect tune set march: /usr/share/jukebox/current"
log=$(gbox log script)
assert_contains "$log" $'\ntwo\n'
assert_contains "$log" $'\n(unset)'
ok gbox run script -- /bin/sh -c '
  cd /destination/usr/share; readlink hasty/current jukebox/current
  ls /usr/share/jukebox /usr/share/hasty /var/lib/gbox /usr/local/sbin/eselect 2>&1 | grep -v "No such"
  chroot /destination /usr/bin/gzip --version | head -n 1; ls /destination/var/db/pkg/app-arch
  head -n 4 /destination/etc/ld-musl-demo.path'
assert_equal "$out" "one
march.tune
gzip 1.12
gzip-1.12
/lib
/usr/local/lib
/usr/lib
/usr/local/lib/x86_64-linux-gnu"

# --- where no overlay can be mounted, as in a container without a volume: the same, later ---
public_program
printf 'root:1:65536\n' >"$public/subuid"
cat >"$public/container" <<'SH'
cd "$1" && mkdir -p lower upper work merged &&
  mount --bind "$2" /etc/subuid && mount --bind "$2" /etc/subgid &&
  mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work none merged || exit 99
export GBOX_STORE=$PWD/merged/store
shift 2
exec "$@"
SH
mkdir "$scratch/outer"
container() {
  "$e2e_lib/in-ids" --mount bash "$public/container" "$scratch/outer" "$public/subuid" "$@"
}
choices_spec "$scratch/copied.toml" copied -wrong '
[[phase]]
name = "copied"
root = "/destination"
emerge = ["app-demo/jukebox"]'
ok container "$public/gbox" build --progress plain "$scratch/copied.toml" --output "oci:$scratch/copied"
assert_contains "$err" "level    no-kernel-overlay"
ok container "$public/gbox" log copied
assert_contains "$out" ">>> gbox: eselect tune set march: waits for the end of the phase"
assert_contains "$out" ">>> gbox: brought to '/destination': /usr/share/jukebox/current"
assert_contains "$(layer_names "$scratch/copied")" "usr/share/jukebox/current"

# --- what cannot be chosen even then is an error; so is what is not there to be taken over ---
choices_spec "$scratch/wrong.toml" wrong wrong '
[[phase]]
name = "wrong"
root = "/destination"
emerge = ["app-hasty/hasty"]'
fails 6 gbox build "$scratch/wrong.toml" --output "oci:$scratch/wrong"
assert_error "phase 'wrong': settle /destination failed .*: not done in '/destination': eselect hasty set three \\(exit 1\\)"
assert_contains "$(gbox log wrong/@end)" "!!! Error: invalid target three"
choices_spec "$scratch/absent.toml" absent -wrong '
[[phase]]
name = "absent"
root = "/destination"
copy_package = ["app-arch/gzip", "app-arch/lzip"]'
fails 5 gbox build "$scratch/absent.toml" --output "oci:$scratch/absent"
assert_error "absent.toml:[0-9]+:[0-9]+: phase 'absent': 'app-arch/lzip' is not installed in '/'" "earlier phase"
