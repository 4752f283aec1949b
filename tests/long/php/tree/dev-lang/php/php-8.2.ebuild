EAPI=8

# The script of the test gives this file the version that the distribution has.
DESCRIPTION="PHP, upstream's sources as Debian keeps them, an interface (SAPI) for each flag"
HOMEPAGE="https://www.php.net/"
SRC_URI="https://distfiles.standin.invalid/php8.2_${PV}.orig.tar.xz"
LICENSE="PHP-3.01"
SLOT="8.2"
KEYWORDS="amd64"
SAPIS="cli cgi fpm"
IUSE="+cli cgi fpm intl ipv6"
REQUIRED_USE="|| ( cli cgi fpm )"
COMMON_DEPEND="
	app-eselect/eselect-php[fpm?]
	intl? ( dev-libs/icu:= )
"
DEPEND="${COMMON_DEPEND}"
RDEPEND="
	${COMMON_DEPEND}
	virtual/mta
"
BDEPEND="virtual/pkgconfig"
IDEPEND="app-eselect/eselect-php[fpm?]"

# Each interface is compiled by itself, as it knows where its own configuration lies.
src_configure() {
	local sapi other flags
	for sapi in ${SAPIS}; do
		use ${sapi} || continue
		flags=()
		for other in ${SAPIS}; do
			[[ ${other} == ${sapi} ]] || flags+=( --disable-${other} )
		done
		mkdir "${WORKDIR}"/${sapi} && cd "${WORKDIR}"/${sapi} || die
		ECONF_SOURCE=${S} econf \
			--prefix=/usr/$(get_libdir)/php${SLOT} \
			--libdir=/usr/$(get_libdir)/php${SLOT}/lib \
			--mandir=/usr/$(get_libdir)/php${SLOT}/man \
			--sysconfdir=/etc --localstatedir=/var \
			--with-config-file-path=/etc/php/${sapi}-php${SLOT} \
			--with-config-file-scan-dir=/etc/php/${sapi}-php${SLOT}/ext-active \
			--disable-all --without-pear --enable-${sapi} "${flags[@]}" \
			$(use_enable intl) $(use_enable ipv6)
	done
}

src_compile() {
	local sapi
	for sapi in ${SAPIS}; do
		use ${sapi} && emake -C "${WORKDIR}"/${sapi}
	done
}

src_install() {
	local sapi program common
	for sapi in ${SAPIS}; do
		use ${sapi} || continue
		cd "${WORKDIR}"/${sapi} || die
		if [[ -z ${common} ]]; then
			emake INSTALL_ROOT="${D}" install-build install-headers install-programs
			common=${sapi}
		fi
		program=php-${sapi}
		into /usr/$(get_libdir)/php${SLOT}
		dobin sapi/${sapi}/${program%-cli}
		insinto /etc/php/${sapi}-php${SLOT}
		newins "${S}"/php.ini-production php.ini
		keepdir /etc/php/${sapi}-php${SLOT}/ext-active
		[[ ${sapi} == fpm ]] || continue
		sed -i "s,^include=.*,include=/etc/php/fpm-php${SLOT}/fpm.d/*.conf," sapi/fpm/php-fpm.conf || die
		doins sapi/fpm/php-fpm.conf
		insinto /etc/php/fpm-php${SLOT}/fpm.d
		doins sapi/fpm/www.conf
	done
}

pkg_postinst() {
	local sapi
	for sapi in ${SAPIS}; do
		use ${sapi} || continue
		if [[ -z $(eselect php show ${sapi}) ]]; then
			eselect php set ${sapi} php${SLOT} || die "eselect failed"
		fi
	done
	eselect php cleanup || die "eselect failed"
}

pkg_postrm() {
	eselect php cleanup
}
