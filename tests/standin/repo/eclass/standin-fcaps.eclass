# @ECLASS: standin-fcaps.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: file capabilities after merging
# @DESCRIPTION:
# Sets what the array STANDIN_FCAPS lists ('capability path' pairs) in
# pkg_postinst, the place where Gentoo's ebuilds do it as well.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI} is not supported" ;;
esac

BDEPEND="sys-libs/libcap"
IDEPEND="sys-libs/libcap"

standin-fcaps_pkg_postinst() {
	local i
	for (( i = 0; i < ${#STANDIN_FCAPS[@]}; i += 2 )); do
		setcap "${STANDIN_FCAPS[i]}" "${EROOT}${STANDIN_FCAPS[i + 1]}" ||
			die "setcap ${STANDIN_FCAPS[i]} on ${STANDIN_FCAPS[i + 1]}"
	done
}

EXPORT_FUNCTIONS pkg_postinst
