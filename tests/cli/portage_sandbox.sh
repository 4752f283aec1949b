#!/bin/bash
# Portage's own protections are in force inside a step: user privileges dropped while compiling,
# namespaces of its own for each package, and no word of having failed to get them. And what the spec
# says of packages counts for another ROOT as for '/'.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"

own_store store # 'gbox log' takes the newest step of a name, whatever its spec

# Portage calls hooks of /etc/portage/bashrc around each phase: they say where it runs.
mkdir -p "$scratch/portage"
cat >"$scratch/portage/bashrc" <<'BASHRC'
_where() {
  echo "WHERE $1 uid=$(id -u) net=$(readlink /proc/self/ns/net) ipc=$(readlink /proc/self/ns/ipc)" \
    "pid=$(readlink /proc/self/ns/pid) bash=${BASHPID}"
}
pre_src_unpack() { _where unpack; }
pre_src_compile() { _where compile; }
pre_src_install() { _where install; }
BASHRC
standin_head | sed "s,^profile = .*,&\nconfig_dir = \"$scratch/portage\"," >"$scratch/stage4.toml"
cat >>"$scratch/stage4.toml" <<'TOML'
[[phase]]
name = "merge"
emerge = ["app-demo/hello-classic"]
[[phase]]
name = "look"
run = """
echo "FEATURES $(portageq envvar FEATURES)"
echo "STEP net=$(readlink /proc/self/ns/net) uid=$(id -u)"
"""
TOML
ok gbox build "$scratch/stage4.toml" --output "oci:$scratch/image"

ok gbox log look
look=$out
features=$(sed -n 's/^FEATURES //p' <<<"$look")
for feature in userpriv usersandbox pid-sandbox ipc-sandbox network-sandbox; do
  [[ " $features " == *" $feature "* ]] || fail "FEATURES lack '$feature': $features"
done

ok gbox log merge
log=$out
for complaint in 'nable to unshare' 'ermission denied' 'ACCESS DENIED' 'peration not permitted' \
  'sandbox violation' 'annot set up'; do
  ! grep -i "$complaint" <<<"$log" || fail "the log of emerge complains: $complaint"
done
where() { grep -o "WHERE $1 .*" <<<"$log" | head -n 1; }
[[ -n $(where compile) ]] || fail "the hooks of bashrc were not run: $(tail -n 40 <<<"$log")"
assert_contains "$(where unpack)" "uid=250 "
assert_contains "$(where compile)" "uid=250 "
assert_contains "$(where install)" "uid=0 "
# A network namespace of the package's own, beside the step's.
step_net=$(grep -o 'net=net:\[[0-9]*\]' <<<"$look" | head -n 1)
assert_lacks "$(where compile)" "$step_net "
# In a pid namespace of its own a phase's shell has a small number.
pid=$(grep -o 'bash=[0-9]*' <<<"$(where compile)")
[[ ${pid#bash=} -lt 200 ]] || fail "a phase of emerge sees itself as process ${pid#bash=}"

# --- the configuration counts in both roots ---
# Portage reads /etc/portage for ROOT=/destination and, for what that needs to be built, for '/':
# one package lands there, its build dependency here, and both want the same of the spec.
cd "$scratch"
roots=$scratch/overlay
mkdir -p "$roots"/{profiles,metadata}
echo roots >"$roots/profiles/repo_name"
echo app-roots >"$roots/profiles/categories"
printf 'masters = standin\nthin-manifests = true\nsign-manifests = false\n' >"$roots/metadata/layout.conf"
for package in inside outside; do
  mkdir -p "$roots/app-roots/$package"
  cat >"$roots/app-roots/$package/$package-1.ebuild" <<'EBUILD'
EAPI=8
DESCRIPTION="Installs what it was told"
SLOT="0"
KEYWORDS="~amd64"
LICENSE="standin-eula"
IUSE="told"
S="${WORKDIR}"
src_install() {
	echo "${PN} $(usex told) ${FROM_ENV} ${FROM_MAKE_CONF}" >told || die
	insinto /usr/share/roots
	newins told "${PN}"
}
EBUILD
done
echo 'BDEPEND="app-roots/outside"' >>"$roots/app-roots/inside/inside-1.ebuild"
spec roots.toml roots <<TOML
[repos.roots]
path = "$roots"
priority = -10
[portage.package_use]
"app-roots/*" = ["told"]
[portage.package_accept_keywords]
"app-roots/*" = ["~amd64"]
[portage.package_license]
"app-roots/*" = ["standin-eula"]
[portage.env.words]
FROM_ENV = "by-env"
[portage.package_env]
"app-roots/*" = ["words"]
[[phase]]
name = "roots"
root = "/destination"
emerge = ["app-roots/inside"]
run = "cat /usr/share/roots/outside /destination/usr/share/roots/inside"
TOML
sed -i 's/^make_conf = { /&FROM_MAKE_CONF = "by-make-conf", /' roots.toml
ok gbox build roots.toml --until roots
log=$(gbox log roots </dev/null)
assert_contains "$log" "outside yes by-env by-make-conf"
assert_contains "$log" "inside yes by-env by-make-conf"
