EAPI=8

inherit standin-debian

DESCRIPTION="The programs that make users and groups, as Debian built them"
SLOT="0/4"
RDEPEND="sys-libs/glibc"
