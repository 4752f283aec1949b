EAPI=8

DESCRIPTION="An application with the traits of PHP, as far as an empty ROOT sees them"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="1"
KEYWORDS="amd64"
INTERFACES="lamp lamp-fpm"
IUSE="+cli fpm intl"
REQUIRED_USE="|| ( cli fpm )"
COMMON_DEPEND="
	app-eselect/eselect-lamp
	intl? ( dev-demo/libscript:= )
"
DEPEND="${COMMON_DEPEND}"
RDEPEND="${COMMON_DEPEND}
	acct-user/lampd
	fpm? ( acct-group/lampd )
"
BDEPEND="dev-demo/greetgen"
IDEPEND="app-eselect/eselect-lamp"

uses() {
	case ${1} in
		lamp) use cli ;;
		lamp-fpm) use fpm ;;
	esac
}

src_compile() {
	type -P greetgen >/dev/null || die "the generator is a build dependency"
	local interface flags=( ${CXXFLAGS} -DSLOT='"1"' )
	use intl && flags+=( -DINTL )
	for interface in ${INTERFACES}; do
		uses ${interface} || continue
		${CXX:-${CHOST}-g++} "${flags[@]}" -DINTERFACE="\"${interface}\"" ${LDFLAGS} \
			-o ${interface} "${FILESDIR}"/lamp.cc $(usex intl -lscript '') || die
	done
}

src_install() {
	local interface
	into /usr/lib/lamp1
	for interface in ${INTERFACES}; do
		uses ${interface} && dobin ${interface}
	done
	insinto /etc/lamp/lamp1
	newins - lamp.conf <<<"bright = yes"
}

pkg_postinst() {
	local interface current
	for interface in ${INTERFACES}; do
		uses ${interface} || continue
		current=$(eselect lamp show ${interface})
		if [[ -z ${current} ]]; then
			eselect lamp set ${interface} lamp1 || die "eselect failed"
		fi
	done
	eselect lamp cleanup || die "eselect failed"
}

pkg_postrm() {
	eselect lamp cleanup
}
