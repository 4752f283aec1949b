EAPI=8

DESCRIPTION="Whatever takes mail"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="|| ( mail-mta/nullmailer )"
