EAPI=8

inherit standin-fcaps standin-make standin-user

DESCRIPTION="Every kind of file that is easily lost between a build and an image"
SLOT="0"
KEYWORDS="amd64"
IUSE="+fifo test"
RESTRICT="!test? ( test )"
BDEPEND+=" sys-apps/shadow"
IDEPEND+=" sys-apps/shadow"

STANDIN_FCAPS=( cap_net_raw+ep /usr/bin/odd-caps-late )

pkg_setup() {
	standin-user_ensure oddity 860 ""
}

src_install() {
	standin-make_src_install
	local data=/usr/share/oddities

	# Capabilities, set while installing and (by the eclass) after merging.
	cp "${ED}"/usr/bin/odd-caps "${ED}"/usr/bin/odd-caps-late || die
	setcap cap_net_bind_service+ep "${ED}"/usr/bin/odd-caps || die

	# setuid, setgid, and both with another owner; chown first, it clears the bits.
	cp "${ED}"/usr/bin/odd-id "${ED}"/usr/bin/odd-id-group || die
	cp "${ED}"/usr/bin/odd-id "${ED}"/usr/bin/odd-id-both || die
	fperms 4755 /usr/bin/odd-id
	fowners root:oddity /usr/bin/odd-id-group
	fperms 2755 /usr/bin/odd-id-group
	fowners oddity:oddity /usr/bin/odd-id-both
	fperms 6711 /usr/bin/odd-id-both

	# Owners and modes of directories: shared by a group, sticky, closed, empty.
	keepdir /var/lib/oddities/shared /var/lib/oddities/drop
	newins_owned oddity:oddity 0640 /var/lib/oddities/owned
	newins_owned daemon:tty 0604 /var/lib/oddities/others
	newins_owned root:root 0000 /var/lib/oddities/closed
	fowners oddity:oddity /var/lib/oddities /var/lib/oddities/shared
	fperms 0750 /var/lib/oddities
	fperms 2770 /var/lib/oddities/shared
	fperms 1777 /var/lib/oddities/drop

	# One file under three names, in two directories.
	insinto ${data}
	newins - linked <<<"one file, three names"
	dodir ${data}/sub
	ln "${ED}"${data}/linked "${ED}"${data}/linked-again || die
	ln "${ED}"${data}/linked "${ED}"${data}/sub/linked-elsewhere || die

	# 16 MiB of which two blocks are real.
	truncate -s 16M "${ED}"${data}/sparse || die
	printf begin | dd of="${ED}"${data}/sparse conv=notrunc status=none || die
	printf end | dd of="${ED}"${data}/sparse bs=1 seek=$(( 9 << 20 )) conv=notrunc status=none || die

	# Portage refuses to unpack a binary package that holds one ("Device file
	# detected"), so whoever goes through binary packages switches it off.
	if use fifo; then
		mkfifo -m 0620 "${ED}"${data}/fifo || die
		fowners root:tty ${data}/fifo
	fi

	# Links: relative, absolute, dangling. Names: blanks, UTF-8, as long as can be.
	dosym linked ${data}/relative
	dosym -r ${data}/linked ${data}/sub/computed
	ln -s ${data}/linked "${ED}"${data}/absolute || die
	ln -s nowhere "${ED}"${data}/dangling || die
	local long
	printf -v long '%0200d' 0
	newins - "name with blanks" <<<"blanks"
	newins - "naïve – name" <<<"UTF-8"
	newins - "${long}" <<<"a name past what a plain tar header holds"
	newins - times <<<"very old"
	touch -d @86400 "${ED}"${data}/times || die
}

# An empty file with the given owner, mode and path.
newins_owned() {
	dodir "${3%/*}"
	: >"${ED}${3}" || die
	fowners "${1}" "${3}"
	fperms "${2}" "${3}"
}

pkg_preinst() {
	standin-user_ensure oddity 860 "${ROOT}"
}
