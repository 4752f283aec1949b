EAPI=8

DESCRIPTION="The directories and merged-usr links of an empty root"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
IUSE="build"

src_install() {
	keepdir /boot /home /mnt /opt /srv
	keepdir /usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/share /usr/local/bin
	keepdir /etc/env.d /var/lib /var/log /var/spool
	diropts -m 0700
	keepdir /root
	local dir
	for dir in bin sbin lib lib64; do
		dosym usr/${dir} /${dir}
	done
	dosym ../run /var/run
	insinto /etc/env.d
	doins "${FILESDIR}"/50standin
}

# Not in the image: in a running system these are mounts, perhaps read-only.
pkg_preinst() {
	local dir
	for dir in dev proc sys run var/cache; do
		[[ -d ${EROOT}/${dir} ]] || install -d -m 0755 "${EROOT}"/${dir} || die
	done
	for dir in tmp var/tmp; do
		[[ -d ${EROOT}/${dir} ]] || install -d -m 1777 "${EROOT}"/${dir} || die
	done
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
