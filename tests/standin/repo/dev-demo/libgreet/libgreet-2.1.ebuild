EAPI=8

inherit standin-make

DESCRIPTION="A library in two slots with sub-slots, needed for building and running"
SRC_URI="https://distfiles.standin.invalid/${PN}-2.0.tar"
S="${WORKDIR}/${PN}-2.0"
SLOT="2/2.1"
KEYWORDS="~amd64"
IUSE="static-libs test"
RESTRICT="!test? ( test )"
BDEPEND="dev-demo/greetgen"

PATCHES=( "${FILESDIR}"/${PN}-2.1-new-soname.patch )

src_configure() {
	STANDIN_MAKE_ARGS=( STATIC=$(usex static-libs) )
}
