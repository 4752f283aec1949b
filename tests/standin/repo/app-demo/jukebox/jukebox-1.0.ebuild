EAPI=8

DESCRIPTION="Calls eselect in pkg_postinst, with a module that acts on / and dies in a ROOT"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="app-admin/eselect-demo"
IDEPEND="app-admin/eselect-demo"

src_install() {
	insinto /usr/share/jukebox
	newins - march.tune <<<"C C G G A A G"
}

pkg_postinst() {
	eselect tune set march || die "eselect failed"
}

pkg_postrm() {
	if [[ -z ${REPLACED_BY_VERSION} ]]; then
		rm -f "${EROOT}"/usr/share/jukebox/current
		rmdir "${EROOT}"/usr/share/jukebox 2>/dev/null
	fi
}
