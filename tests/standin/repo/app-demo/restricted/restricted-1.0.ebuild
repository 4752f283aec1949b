EAPI=8

DESCRIPTION="Masked by the profile and under a licence that is not accepted"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin-eula"
SLOT="0"
KEYWORDS="amd64"

src_install() {
	insinto /usr/share/${PN}
	newins - note <<<"unmasked and accepted"
}
