EAPI=8

inherit standin-make

DESCRIPTION="A C++ program that takes its time to compile, for being killed in"
SLOT="0"
KEYWORDS="amd64"
IUSE="long-pause +pause test"
RESTRICT="!test? ( test )"

src_configure() {
	STANDIN_MAKE_ARGS=( PAUSE=$(usex long-pause 30 $(usex pause 1.5 0)) )
}
