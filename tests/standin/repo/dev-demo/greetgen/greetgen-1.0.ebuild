EAPI=8

inherit standin-make

DESCRIPTION="A code generator, needed only for building (BDEPEND)"
SLOT="0"
KEYWORDS="amd64"
IUSE="test"
RESTRICT="!test? ( test )"
