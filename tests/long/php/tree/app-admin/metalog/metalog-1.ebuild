EAPI=8

DESCRIPTION="Where a logger would be"
HOMEPAGE="https://standin.invalid/"
S="${WORKDIR}"
LICENSE="standin"
SLOT="0"
KEYWORDS="amd64"

src_install() {
	newsbin - metalog <<<'#!/bin/sh'
}
