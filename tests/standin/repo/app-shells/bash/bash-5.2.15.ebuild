EAPI=8

inherit standin-debian

DESCRIPTION="The shell, as Debian built it"
RDEPEND="sys-libs/glibc"

src_install() {
	standin-debian_src_install
	[[ -e ${ED}/usr/bin/sh || -L ${ED}/usr/bin/sh ]] || dosym bash /usr/bin/sh
}
