EAPI=8

inherit standin-debian

DESCRIPTION="The compilers and their run-time libraries, as Debian built them"
SLOT="12"
RDEPEND="sys-libs/glibc"
