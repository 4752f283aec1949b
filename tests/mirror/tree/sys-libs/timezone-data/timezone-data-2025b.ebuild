EAPI=8

DESCRIPTION="The one time zone that an image needs"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"

src_compile() {
	echo "Zone UTC 0 - UTC" >rules || die
	zic -d zoneinfo rules || die
}

src_install() {
	insinto /usr/share
	doins -r zoneinfo
}

# Like Gentoo's: a link in /etc is its owner's word, and /etc/timezone then a second one.
pkg_config() {
	[[ -L ${EROOT}/etc/localtime ]] || die "/etc/localtime is no link"
	rm -f "${EROOT}"/etc/timezone || die
}
