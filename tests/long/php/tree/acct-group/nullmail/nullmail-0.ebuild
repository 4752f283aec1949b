EAPI=8

ACCOUNT_ID=871

inherit standin-account
