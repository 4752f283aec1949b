EAPI=8

inherit standin-debian

DESCRIPTION="The shell and sh, as Debian built it"
RDEPEND="sys-libs/glibc"
