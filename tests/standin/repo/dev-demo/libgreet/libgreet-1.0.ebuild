EAPI=8

inherit standin-make

DESCRIPTION="A library in two slots with sub-slots, needed for building and running"
SLOT="1/1"
KEYWORDS="amd64"
IUSE="static-libs test"
RESTRICT="!test? ( test )"
BDEPEND="dev-demo/greetgen"

src_configure() {
	STANDIN_MAKE_ARGS=( STATIC=$(usex static-libs) )
}
