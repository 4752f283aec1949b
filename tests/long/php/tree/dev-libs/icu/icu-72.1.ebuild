EAPI=8

DESCRIPTION="International Components for Unicode, upstream's sources as Debian keeps them"
HOMEPAGE="https://icu.unicode.org/"
SRC_URI="https://distfiles.standin.invalid/icu_${PV}.orig.tar.gz"
S="${WORKDIR}/icu/source"
LICENSE="Unicode-DFS-2016"
SLOT="0/${PV%.*}"
KEYWORDS="amd64"
BDEPEND="dev-build/autoconf-archive"

src_configure() {
	# Its data lies in the archive ready made: the tools are for putting it into a library.
	econf \
		--disable-samples --disable-tests --disable-extras --disable-layoutex \
		--disable-static --disable-rpath
}

src_install() {
	default
	rm -r "${ED}"/usr/share/icu || die
}
