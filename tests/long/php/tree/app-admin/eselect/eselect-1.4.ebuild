EAPI=8

DESCRIPTION="What Gentoo's eselect is for a ROOT: the stand-in's, under its name"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="sys-apps/coreutils"

src_install() {
	dobin "${FILESDIR}"/eselect
	keepdir /var/lib/gentoo/news
}
