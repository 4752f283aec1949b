EAPI=8

DESCRIPTION="Virtual for a program that greets"
SLOT="0"
KEYWORDS="amd64"
RDEPEND="|| ( app-demo/hello app-demo/hello-classic )"
