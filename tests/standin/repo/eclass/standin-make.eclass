# @ECLASS: standin-make.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: phases for a project with a plain Makefile
# @DESCRIPTION:
# Calls the Makefile with the profile's toolchain and flags. An ebuild adds
# variables through the array STANDIN_MAKE_ARGS.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI} is not supported" ;;
esac

if [[ -z ${_STANDIN_MAKE_ECLASS} ]]; then
_STANDIN_MAKE_ECLASS=1

SRC_URI="https://distfiles.standin.invalid/${P}.tar"
HOMEPAGE="https://standin.invalid/"
LICENSE="standin"

# @FUNCTION: standin-make_emake
# @DESCRIPTION: emake with the toolchain named by CHOST, as Gentoo's ebuilds call it.
standin-make_emake() {
	emake \
		CC="${CC:-${CHOST}-gcc}" CXX="${CXX:-${CHOST}-g++}" AR="${AR:-${CHOST}-ar}" \
		PKG_CONFIG="${PKG_CONFIG:-${CHOST}-pkg-config}" \
		PREFIX="${EPREFIX}/usr" LIBDIR="${EPREFIX}/usr/$(get_libdir)" \
		CFLAGS="${CFLAGS}" CXXFLAGS="${CXXFLAGS}" LDFLAGS="${LDFLAGS}" \
		"${STANDIN_MAKE_ARGS[@]}" "$@"
}

standin-make_src_compile() {
	standin-make_emake
}

standin-make_src_test() {
	standin-make_emake check
}

standin-make_src_install() {
	standin-make_emake DESTDIR="${D}" install
}

fi

EXPORT_FUNCTIONS src_compile src_test src_install
