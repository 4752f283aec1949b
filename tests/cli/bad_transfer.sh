#!/bin/bash
# Transfers that go wrong: files that are not what was announced, servers that refuse, ways there
# that are closed, runs that are killed, source archives that are gone. For each, what a person
# reads, word for word, and that nothing unverified is in the store and no lock is written.
source "$(dirname "${BASH_SOURCE[0]}")/../lib/e2e.sh"
source "$e2e_lib/hostile.sh"

# Most of what follows is about the one large file, which a lock needs only from a mirror that does
# not say its SHA-256.
case_sparse() {
  case_mirror && rm "$builds/$tarball.sha256"
}

# --- the file itself ---
flipped() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "flip": 100}]'
  refused $input_error gbox lock
}
row "one bit differs" flipped

# As it is with a mirror that says everything: the lock is made from that.
flipped_later() {
  case_mirror && spec_stage3
  ok gbox lock
  cp stage4.lock before
  rule '[{"path": "*.tar.xz", "flip": 100}]'
  fails $input_error gbox fetch
  golden
  cmp stage4.lock before || fail "the lock has changed"
  rm stage4.lock && nothing_kept
}
row "one bit differs from what the lock says" flipped_later

contradiction() {
  local other
  case_mirror && spec_stage3
  other=$(sha256sum <"$pointer" | cut -d' ' -f1)
  printf '# SHA256 HASH\n%s  %s\n' "$other" "$tarball" >plain
  sign release clear plain && mv signed "$builds/$tarball.sha256"
  ok gbox lock
  fails $input_error gbox fetch
  golden
  rm stage4.lock && nothing_kept
}
row "DIGESTS and .sha256, both signed, are not of one file" contradiction

longer() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "append": 10}]'
  refused $input_error gbox lock
}
row "the file is longer than signed" longer

truncated() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "truncate": 5214, "headers": {"Content-Type": "text/html"}}]'
  refused $input_error gbox lock
}
row "the file is shorter than signed" truncated

cut_always() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "cut_after": 0}]'
  refused $input_error gbox lock
}
row "the connection is cut each time" cut_always

login_page() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "html": true}]'
  refused $input_error gbox lock
  rule '[{"path": "*", "html": true}]'
  refused $input_error gbox lock
}
row "a login page in place of the file" login_page

forbidden() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "status": 403}]'
  refused $input_error gbox lock
  rule '[{"path": "*", "status": 403}]'
  refused $input_error gbox lock
}
row "the mirror forbids it" forbidden

file_gone() {
  case_sparse && spec_stage3
  rm "$builds/$tarball"
  refused $input_error gbox lock
}
row "the pointer's file is not there" file_gone

redirects() {
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "redirect": "{path}"}]'
  refused $input_error gbox lock
  rule '[{"path": "*.tar.xz", "redirect": "file:///etc/passwd"}]'
  refused $input_error gbox lock
}
row "redirects in a loop, and to a file of this machine" redirects

# --- the way there ---
# No nameserver is asked for a name as long as this: it is gone at once, wherever the test runs.
unresolved() {
  case_mirror && spec_stage3 "mirror = \"http://$(printf 'x%.0s' {1..70}).invalid\""
  refused $input_error gbox lock
}
row "a name that does not resolve" unresolved

unreachable() {
  case_mirror && spec_stage3 'mirror = "http://127.0.0.1:1"'
  refused $input_error gbox lock
}
row "nobody listens" unreachable

proxies() {
  case_mirror && spec_stage3
  refused $input_error env http_proxy=http://user:secret@127.0.0.1:1 no_proxy= "$GBOX" lock
  mirror_start proxy --proxy "$scratch"
  spec_stage3 'mirror = "https://mirror.invalid"'
  refused $input_error env "https_proxy=http://127.0.0.1:${mirror_port[proxy]}" no_proxy= "$GBOX" lock
}
row "a proxy that is not there, and one that refuses" proxies

tls() {
  case_mirror
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Acme Proxy CA' \
    -addext 'subjectAltName=IP:127.0.0.1' -keyout key.pem -out cert.pem 2>/dev/null
  mirror_start tls --cert cert.pem --key key.pem "$PWD/root"
  spec_stage3 "mirror = \"https://127.0.0.1:${mirror_port[tls]}\""
  refused $input_error gbox lock
  refused $spec_error gbox lock --ca missing.pem
  ok gbox lock --ca cert.pem
}
row "a certificate of an authority that is not trusted, and --ca" tls

clocks() {
  case_mirror && spec_stage3
  rule '[{"path": "*", "headers": {"Date": "Thu, 01 Jan 1970 00:00:10 GMT"}}]'
  ok gbox lock
  golden
}
row "the server's clock is far from ours" clocks

# --- several mirrors ---
second_mirror() {
  case_mirror
  cp -r root other
  signed_body "$pointer" >plain && mv plain "$pointer"
  spec_stage3 "mirror = [\"$url\", \"${url%root}other\"]"
  ok gbox lock
  golden
}
row "what the first mirror does wrong is said, and the second is taken" second_mirror

all_bad() {
  case_mirror
  spec_stage3 "mirror = [\"$url\", \"http://127.0.0.1:1\", \"${url%root}none\"]"
  signed_body "$pointer" >plain && mv plain "$pointer"
  refused $input_error gbox lock
}
row "all mirrors fail, each in its way" all_bad

# --- interrupted ---
interrupted() {
  local signal pid code
  case_sparse && spec_stage3
  rule '[{"path": "*.tar.xz", "slow": 60000}]'
  for signal in INT KILL; do
    set -m # as from a terminal: a process group of its own
    "$GBOX" lock >said 2>&1 </dev/null &
    pid=$!
    set +m
    until [[ -n $(find store/incoming -name '*.part' -size +"$part"c 2>/dev/null) ]]; do sleep 0.05; done
    kill -"$signal" -- "-$pid"
    code=0
    wait "$pid" || code=$?
    assert_equal "$code" "$([[ $signal == INT ]] && echo 130 || echo 137)"
    nothing_kept
    part=$(stat -c %s store/incoming/*.part)
  done
  rule '[]'
  ok gbox lock
  # Both were gone on from where they ended.
  assert_equal "$(jq -rs --arg case "/${PWD##*/}/" 'map(select((.path | contains($case)) and
    (.path | endswith(".tar.xz"))) | .range | select(. != "")) | length' "$scratch/requests")" 2
  assert_equal "$(find store/incoming -type f ! -name '*.lock')" "" "left in incoming/"
  cmp store/inputs/* "$scratch/stage3.tar.xz" || fail "the input differs"
}
part=20000
row "Ctrl-C and kill -9 in the middle: the next run goes on, nothing half is under a final name" interrupted

# --- a store without room ---
# on_disk SIZE COMMAND…: with the store on a disk of that size, in a namespace of its own, where it
# outlives the command as ./kept. Root of that namespace gets a range of its own in /etc/subuid.
on_disk() {
  local size=$1
  shift
  printf 'root:1:65536\n' >subuid
  "$e2e_lib/in-ids" --mount sh -c '
    mount --bind subuid /etc/subuid && mount --bind subuid /etc/subgid && mkdir -p kept store &&
      mount -t tmpfs -o "size=$1" none store && cp -a kept/. store || exit 99
    shift
    code=0
    "$@" || code=$?
    rm -rf kept/* && cp -a store/. kept
    exit "$code"' sh "$size" "$@"
}
kept() { (cd kept && "$e2e_lib/in-ids" find inputs snapshots records -mindepth 1 -maxdepth 1) 2>/dev/null; }

no_room_to_fetch() {
  case_mirror && spec_stage3
  ok gbox lock && rm -r store
  : >"$scratch/requests"
  fails 3 on_disk 200k "$GBOX" fetch
  golden
  assert_equal "$(kept)" "" "kept"
  ok on_disk 20m "$GBOX" fetch
  "$e2e_lib/in-ids" sh -c 'cmp kept/inputs/* "$1"' sh "$scratch/stage3.tar.xz" || fail "the input differs"
  # What had found room was not asked for again.
  assert_matches "$(jq -r 'select(.path | endswith(".tar.xz")) | .range' "$scratch/requests" | tr '\n' ' ')" \
    '^ ?bytes=[1-9][0-9]*- $'
}
row "the disk is full while a file arrives; with room it goes on from there" no_room_to_fetch

no_room_for_tree() {
  case_mirror && spec_snapshot 'snapshot = "latest"'
  ok gbox lock && rm -rf store
  fails 3 on_disk 2m "$GBOX" fetch
  golden
  assert_equal "$(kept | grep -v '^inputs/')" "" "kept"
  ok on_disk 20m "$GBOX" fetch --offline
  assert_matches "$(kept)" snapshots/
}
row "the disk is full while a snapshot is unpacked; with room nothing is fetched again" no_room_for_tree

# --- source archives ---
# A repository whose packages each want a file; the image's Portage says so, hence the real base.
shop=$scratch/shop
mark=${scratch##*.} # in each file: as long in every run
mkdir -p "$shop"/{profiles,metadata} "$scratch/dist/mirror/distfiles" "$scratch/dist/upstream"
echo shop >"$shop/profiles/repo_name"
echo app-shop >"$shop/profiles/categories"
printf 'masters = standin\nthin-manifests = true\nsign-manifests = false\n' >"$shop/metadata/layout.conf"
printf '[structure]\n0=filename-hash BLAKE2B 8\n' >"$scratch/dist/mirror/distfiles/layout.conf"
# goods PACKAGE CONTENT [LINE]: a package that wants PACKAGE-1.tar with this content.
goods() {
  local dir=$shop/app-shop/$1
  mkdir -p "$dir"
  printf 'EAPI=8\nDESCRIPTION="for tests"\nSLOT="0"\nKEYWORDS="amd64"\nLICENSE="standin"\n' \
    >"$dir/$1-1.ebuild"
  printf 'HOMEPAGE="https://standin.invalid/"\nS="${WORKDIR}"\n%s\nSRC_URI="%s"\n' "${3:-}" \
    "http://127.0.0.1:$port/dist/upstream/$1-1.tar" >>"$dir/$1-1.ebuild"
  printf 'DIST %s-1.tar %d BLAKE2B %s SHA512 %s\n' "$1" "${#2}" \
    "$(printf %s "$2" | b2sum | cut -d' ' -f1)" "$(printf %s "$2" | sha512sum | cut -d' ' -f1)" \
    >"$dir/Manifest"
}
# on_mirror PACKAGE CONTENT
on_mirror() {
  local place
  place=$scratch/dist/mirror/distfiles/$(printf %s "$1-1.tar" | b2sum | cut -c1-2)
  mkdir -p "$place"
  printf %s "$2" >"$place/$1-1.tar"
}
goods here "$mark here"
on_mirror here "$mark here"
goods changed "$mark changed"
on_mirror changed "$mark CHANGED"
goods gone "$mark gone"
goods lost "$mark lost"
goods bought "$mark bought" 'RESTRICT="fetch"'
spec_goods() { # ATOM…
  spec stage4.toml <<TOML
mirror = ["http://127.0.0.1:$port/dist/mirror"]
[repos.shop]
path = "$shop"
priority = -10
[[phase]]
name = "buy"
emerge = [$(printf '"app-shop/%s", ' "$@")]
TOML
  sed -i '/^distfiles = /d' stage4.toml
}
# wants FILE…: exactly these of the shop are among the store's distfiles.
wants() {
  assert_equal "$(cd "$GBOX_STORE/distfiles" && grep -lF "$mark" -- * 2>/dev/null | tr '\n' ' ')" "$*"
}

goods_gone() {
  export GBOX_STORE=$shared_store
  spec_goods here gone lost changed bought
  fails $input_error gbox fetch --progress none
  err=$(sed -n '/^gbox: error/,$p' <<<"$err") # without what is said of the base
  golden
  wants 'here-1.tar '
}
row "source archives that are gone, changed or not to be fetched are all named, with their packages" \
  goods_gone

goods_upstream() {
  export GBOX_STORE=$shared_store
  spec_goods here changed
  printf %s "$mark changed" >"$scratch/dist/upstream/changed-1.tar"
  ok gbox fetch
  assert_contains "$err" "trying '127.0.0.1:$port'"
  wants 'changed-1.tar here-1.tar '
}
row "a source archive that a mirror has wrong is taken from upstream" goods_upstream

# What takes long to fetch arrives while packages are built, and what then turns out to be missing
# costs none of them.
goods_meanwhile() {
  local name
  export GBOX_STORE=$shared_store
  for name in early late; do
    goods "$name" "$mark $name" 'src_unpack() { :; }'
    on_mirror "$name" "$mark $name"
  done
  spec_goods early late
  rule '[{"path": "*/mirror/*/late-1.tar", "pause": 9, "status": 404},
         {"path": "*/late-1.tar", "status": 404}]'
  fails $input_error gbox build --progress json --output oci:out
  assert_equal "$(jq -r 'select(.event == "step-done") | .step' <<<"$err" | grep /)" buy/app-shop/early
  assert_contains "$(jq -r 'select(.event == "error") | .message' <<<"$err")" "'late-1.tar' ('app-shop/late-1')"
  [[ ! -e out ]] || fail "there is an image"
  rule '[]'
  ok gbox build --progress json --output oci:out
  assert_equal "$(jq -r 'select(.event == "step-start") | .step' <<<"$err" | grep /)" buy/app-shop/late
}
row "what is fetched arrives while packages are built; what is missing costs none of them" \
  goods_meanwhile

golden_finish
