EAPI=8

inherit standin-debian

DESCRIPTION="The C library, as Debian built it"
SLOT="2.2"
