EAPI=8

DESCRIPTION="Whatever knows flags of libraries"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="dev-util/pkgconf"
