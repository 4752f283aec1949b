EAPI=8

DESCRIPTION="Picks the PHP of each interface; looks at / alone"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
IUSE="fpm"
RDEPEND="app-admin/eselect"

src_install() {
	insinto /usr/share/eselect/modules
	doins "${FILESDIR}"/php.eselect
}
