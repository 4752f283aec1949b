# @ECLASS: standin-account.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: one account of the system, as a package
# @DESCRIPTION:
# As Gentoo's acct-user and acct-group, with the same tools: an ebuild of either
# category sets ACCOUNT_ID, and makes the account in ROOT before it is merged.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI} is not supported" ;;
esac

DESCRIPTION="The account '${PN}'"
HOMEPAGE="https://standin.invalid/"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
S="${WORKDIR}"
IDEPEND="sys-apps/shadow"
[[ ${CATEGORY} == acct-user ]] && RDEPEND="acct-group/${PN}"

standin-account_src_install() {
	insinto /usr/lib/sysusers.d
	newins - ${CATEGORY}-${PN}.conf <<<"${CATEGORY/acct-user/u} ${PN} ${ACCOUNT_ID}"
}

standin-account_pkg_preinst() {
	local prefix=()
	[[ -n ${ROOT} ]] && prefix=( --prefix "${ROOT}" )
	if [[ ${CATEGORY} == acct-group ]]; then
		grep -q "^${PN}:" "${EROOT}"/etc/group ||
			groupadd "${prefix[@]}" --system --gid "${ACCOUNT_ID}" ${PN} || die "groupadd"
	else
		grep -q "^${PN}:" "${EROOT}"/etc/passwd ||
			useradd "${prefix[@]}" --system --uid "${ACCOUNT_ID}" --gid ${PN} --no-create-home \
				--home-dir /dev/null --shell /sbin/nologin ${PN} || die "useradd"
	fi
}

EXPORT_FUNCTIONS src_install pkg_preinst
