EAPI=8

inherit standin-make

DESCRIPTION="A program that needs the library's older slot"
SLOT="0"
KEYWORDS="amd64"
IUSE="test"
RESTRICT="!test? ( test )"
RDEPEND="dev-demo/libgreet:1="
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"
