EAPI=8

ACCOUNT_ID=870

inherit standin-account
