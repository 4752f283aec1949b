EAPI=8

inherit standin-debian

DESCRIPTION="The pkg-config program, as Debian built it"
SLOT="0/3"
RDEPEND="sys-libs/glibc"
