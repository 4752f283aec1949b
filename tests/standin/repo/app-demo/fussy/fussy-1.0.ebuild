EAPI=8

inherit standin-make

DESCRIPTION="A package whose compilation fails with USE=fail"
SLOT="0"
KEYWORDS="amd64"
IUSE="fail test"
RESTRICT="!test? ( test )"

src_configure() {
	STANDIN_MAKE_ARGS=( FAIL=$(usex fail) )
}
