#!/bin/bash
# Portage's own protections are in force inside a step: user privileges dropped while compiling,
# namespaces of its own for each package, and no word of having failed to get them.
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
