EAPI=8

inherit standin-debian

DESCRIPTION="The basic tools, as Debian built them"
RDEPEND="sys-libs/glibc"
