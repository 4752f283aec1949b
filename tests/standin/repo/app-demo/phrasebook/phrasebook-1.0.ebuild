EAPI=8

DESCRIPTION="Calls eselect in pkg_postinst, with a module that acts on ROOT"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
IDEPEND="app-admin/eselect-demo"

src_install() {
	insinto /usr/share/phrasebook
	newins - classic.book <<<"The early bird catches the worm."
	newins - modern.book <<<"Ship it."
}

pkg_postinst() {
	if [[ ! -e ${EROOT}/usr/share/phrasebook/current ]]; then
		eselect phrase set classic || die "eselect failed"
	fi
}

pkg_postrm() {
	if [[ -z ${REPLACED_BY_VERSION} ]]; then
		rm -f "${EROOT}"/usr/share/phrasebook/current
		rmdir "${EROOT}"/usr/share/phrasebook 2>/dev/null
	fi
}
