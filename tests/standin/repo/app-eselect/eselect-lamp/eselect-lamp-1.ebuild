EAPI=8

DESCRIPTION="Picks the lamp of each interface; looks at / alone, as eselect-php does"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="app-admin/eselect-demo"

src_install() {
	insinto /usr/share/eselect/modules
	doins "${FILESDIR}"/lamp.eselect
}
