EAPI=8

DESCRIPTION="The directories and merged-usr links of an empty root"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
IUSE="build"

src_install() {
	keepdir /dev /proc /sys /run /boot /home /mnt /opt /srv
	keepdir /usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/share /usr/local/bin
	keepdir /etc/env.d /var/cache /var/lib /var/log /var/spool
	diropts -m 0700
	keepdir /root
	diropts -m 1777
	keepdir /tmp /var/tmp
	local dir
	for dir in bin sbin lib lib64; do
		dosym usr/${dir} /${dir}
	done
	dosym ../run /var/run
	insinto /etc/env.d
	doins "${FILESDIR}"/50standin
}

# Not in the image: /etc/passwd of a living system must not be replaced.
pkg_postinst() {
	local file
	for file in passwd group; do
		if [[ ! -e ${EROOT}/etc/${file} ]]; then
			cp "${FILESDIR}"/${file} "${EROOT}"/etc/${file} || die
			chmod 0644 "${EROOT}"/etc/${file} || die
		fi
	done
}
