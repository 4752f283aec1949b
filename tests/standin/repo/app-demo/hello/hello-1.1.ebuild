EAPI=8

inherit standin-make

DESCRIPTION="A program that USE flags change"
SRC_URI="https://distfiles.standin.invalid/${PN}-1.0.tar"
S="${WORKDIR}/${PN}-1.0"
SLOT="0"
KEYWORDS="~amd64"
IUSE="greeting_styles_casual greeting_styles_formal shout test"
REQUIRED_USE="?? ( greeting_styles_casual greeting_styles_formal )"
RESTRICT="!test? ( test )"
RDEPEND="dev-demo/libgreet:2="
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

PATCHES=( "${FILESDIR}"/${P}-version.patch )

src_configure() {
	STANDIN_MAKE_ARGS=(
		SHOUT=$(usex shout)
		STYLE=$(usex greeting_styles_formal formal $(usex greeting_styles_casual casual plain))
	)
}
