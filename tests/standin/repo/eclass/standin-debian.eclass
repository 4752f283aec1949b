# @ECLASS: standin-debian.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: a package copied from what Debian installed in the build system
# @DESCRIPTION:
# The stand-in stage3 records what Debian provides as packages. An ebuild of the
# same name and version reinstalls the files of that record, so that a C
# library, a shell and the like can be put into an empty ROOT without being
# compiled. With USE=minimal only what programs need when they run.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI} is not supported" ;;
esac

HOMEPAGE="https://standin.invalid/"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
IUSE="minimal"
S="${WORKDIR}"
# Byte for byte as Debian has them; neither stripped nor judged.
RESTRICT="strip test"
QA_PREBUILT="*"

standin-debian_src_install() {
	local contents=${BROOT}/var/db/pkg/${CATEGORY}/${PF}/CONTENTS kind path rest files=()
	[[ -f ${contents} ]] || die "the build system has no record of ${CATEGORY}/${PF}"
	while read -r kind path rest; do
		case ${kind} in
			obj) ;;
			sym) path=${path%% -> *} ;;
			*) continue ;;
		esac
		if use minimal; then
			case ${path} in
				*/include/* | *.a | *.o | /usr/lib/gcc/* | /usr/bin/*gcc* | /usr/bin/*g++*) continue ;;
			esac
		fi
		[[ -e ${BROOT}${path} || -L ${BROOT}${path} ]] && files+=( ".${path}" )
	done <"${contents}"
	(( ${#files[@]} )) || die "the record of ${CATEGORY}/${PF} names no file"
	printf '%s\0' "${files[@]}" |
		tar -C "${BROOT:-/}" -c --null --no-recursion --numeric-owner -T - |
		tar -C "${ED}" -x -p --numeric-owner || die "copying"
}

EXPORT_FUNCTIONS src_install
