EAPI=8

DESCRIPTION="Where a mailer would be, with all that one brings along"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="
	acct-group/nullmail
	acct-user/nullmail
	sys-apps/shadow
	virtual/logger
"

src_install() {
	newsbin - sendmail <<<'#!/bin/sh'
	dosym ../sbin/sendmail /usr/lib/sendmail
	keepdir /var/spool/nullmailer/queue
}
