# shellcheck shell=bash
# The phases of a spec that change a stage3 in every way. Sourced, after e2e.sh.

# Everything a layer can hold, in a phase each: new, changed and removed files, directories in place
# of files and of directories, links, owners, modes, attributes, setuid, capabilities.
changing_phases() {
  cat <<'TOML'
[[phase]]
name = "change"
run = """
echo more >>/etc/profile
chown 250:250 /etc/issue
chmod 4755 /usr/bin/env
mkdir -p /opt/deep/er
echo x >/opt/deep/er/x
ln /opt/deep/er/x /opt/link
ln -s x /opt/soft
rm -r /usr/share/aclocal
mkdir /usr/share/aclocal
echo new >/usr/share/aclocal/new
rm /etc/issue.net /etc/debian_version
mkdir /etc/debian_version
echo in >/etc/debian_version/in
rm -r /var/log
echo file >/var/log
ln /usr/bin/gzip /usr/bin/gzip-too
setcap cap_net_raw+ep /usr/bin/tac
touch -d @1000000000 /etc/fstab
mkfifo -m 600 /opt/fifo
"""
[[phase]]
name = "undo"
run = """
rm -r /opt/deep
test ! -e /etc/issue.net
test -f /var/log
echo y >/opt/link
"""
[output]
layers = "phase"
compression = "none"
TOML
}
