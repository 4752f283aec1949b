EAPI=8

DESCRIPTION="A C++ library, which needs the compiler's own without saying so, as ICU does"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0/1"
KEYWORDS="amd64"

src_compile() {
	${CXX:-${CHOST}-g++} ${CXXFLAGS} -fPIC -shared ${LDFLAGS} -Wl,-soname,libscript.so.1 \
		-o libscript.so.1 "${FILESDIR}"/script.cc || die
}

src_install() {
	dolib.so libscript.so.1
	dosym libscript.so.1 /usr/$(get_libdir)/libscript.so
	doheader "${FILESDIR}"/script.h
}
