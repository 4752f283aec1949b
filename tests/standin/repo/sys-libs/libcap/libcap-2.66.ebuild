EAPI=8

inherit standin-debian

DESCRIPTION="The capability library and setcap, as Debian built them"
RDEPEND="sys-libs/glibc"
