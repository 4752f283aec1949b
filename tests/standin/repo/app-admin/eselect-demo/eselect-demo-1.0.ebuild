EAPI=8

DESCRIPTION="A small eselect of the stand-in's own, with two modules"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"

src_install() {
	newbin "${FILESDIR}"/eselect eselect
	insinto /usr/share/eselect/modules
	doins "${FILESDIR}"/{phrase,tune}.eselect
}
