# @ECLASS: standin-user.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: a system user and group of a package
# @DESCRIPTION:
# Needed twice: in the build system, for chown by name while installing, and in
# ROOT, for whoever runs the result. Ids are fixed so that images are equal.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI} is not supported" ;;
esac

# @FUNCTION: standin-user_ensure
# @USAGE: <name> <id> <root>
standin-user_ensure() {
	local name=${1} id=${2} root=${3%/} prefix=()
	[[ -n ${root} ]] && prefix=( --prefix "${root}" )
	if [[ ! -e ${root}/etc/passwd ]]; then
		mkdir -p "${root}/etc" || die
		touch "${root}"/etc/{passwd,group} || die
	fi
	if ! grep -q "^${name}:" "${root}/etc/group"; then
		groupadd "${prefix[@]}" --system --gid "${id}" "${name}" || die "groupadd ${name}"
	fi
	if ! grep -q "^${name}:" "${root}/etc/passwd"; then
		useradd "${prefix[@]}" --system --uid "${id}" --gid "${id}" --no-create-home \
			--home-dir /dev/null --shell /usr/sbin/nologin "${name}" || die "useradd ${name}"
	fi
}
