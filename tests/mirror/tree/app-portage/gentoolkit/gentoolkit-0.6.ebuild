EAPI=8

DESCRIPTION="Stands for Gentoo's: just the one program that specs call"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"

src_install() {
	dobin "${FILESDIR}"/revdep-rebuild
}
