EAPI=8

DESCRIPTION="Whatever writes the system's log"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="|| ( app-admin/metalog )"
