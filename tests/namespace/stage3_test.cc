// A stage3 as Gentoo publishes it, in miniature: unpacked here and by GNU tar, in one namespace, as
// whoever runs the test. What differs is what no user namespace can have: device nodes.
#include <sys/xattr.h>

#include "fixture.h"
#include "raw_tar.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

namespace {

// Merged-usr links, many small files, hard links, setuid programs, owners up to nobody's, sparse
// files, files of thousands of years ago, closed directories, names that are no ASCII.
const char* const kStage3 = R"(
mkdir -p usr/bin usr/lib64 usr/lib/firmware usr/sbin etc/portage var/db/pkg var/lib/portage \
  root tmp dev proc sys home run 'var/db/pkg/names ü'
ln -s usr/bin bin; ln -s usr/lib lib; ln -s usr/lib64 lib64; ln -s bin usr/sbin.link
ln -s /proc/self/mounts etc/mtab; ln -s ../../etc/portage usr/lib/absent
for category in $(seq 8); do
  mkdir var/db/pkg/c$category
  for package in $(seq 12); do
    mkdir var/db/pkg/c$category/p$package
    for file in CONTENTS SLOT; do
      echo "$category $package $file" > var/db/pkg/c$category/p$package/$file
    done
  done
done
head -c 300000 /dev/urandom > usr/lib64/libc.so.6
for name in one two three; do ln usr/lib64/libc.so.6 usr/lib64/libc-$name; done
echo perl > usr/bin/perl; ln usr/bin/perl usr/bin/perl5.40.0
echo su > usr/bin/su; chmod 4711 usr/bin/su
echo write > usr/bin/write; chgrp 5 usr/bin/write; chmod 2755 usr/bin/write
echo ping > usr/bin/ping; setcap cap_net_raw=ep usr/bin/ping
ln usr/bin/ping usr/bin/ping6
printf head > var/lib/sparse; truncate -s 20M var/lib/sparse; printf tail >> var/lib/sparse
chown 250:250 var/lib/portage; chmod 2775 var/lib/portage
echo w > var/lib/portage/world; chown 0:250 var/lib/portage/world; chmod 644 var/lib/portage/world
echo n > home/nobodys; chown 65534:65534 home/nobodys; chmod 600 home/nobodys
ln -s nobodys home/link; chown -h 65534:65533 home/link
echo u > 'var/db/pkg/names ü/файл'; setfattr -n user.kept -v yes 'var/db/pkg/names ü/файл'
mkfifo run/initctl; chmod 600 run/initctl; chmod 1777 tmp; chmod 700 root
echo s > etc/shadow; chmod 0 etc/shadow
touch -h -d @1 etc/mtab; touch -d @999999999.123456789 usr/bin/su
)";

const std::vector<RawEntry> kDevices = {{.name = "./dev/console", .type = '3', .mode = 0600},
                                        {.name = "./dev/null", .type = '3', .mode = 0666},
                                        {.name = "./dev/sda", .type = '4', .mode = 0660}};

// Everything that stat and attributes say, hard links as the group of their names.
std::string listing(const std::string& path) {
  return shell("cd " + path +
               " && find . -printf '%y %m %U:%G %n %s %T@ %P -> %l\\n' | LC_ALL=C sort"
               " && find . -type f -links +1 -printf '%i %P\\n' | LC_ALL=C sort -k2 |"
               " awk '{ if (!($1 in first)) first[$1] = $2; print $2, \"is\", first[$1] }'"
               " && getfattr -R -h -d -m - . | cat");
}

}  // namespace

TEST_CASE("a stage3's shape arrives as GNU tar unpacks it, without the device nodes") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  for (const char* name : {"tree", "tar", "ours"}) sys::mkdirat(dir.fd(), name, 0755);
  shell("cd " + dir.path() + "/tree && set -e && umask 022\n" + kStage3);
  shell("cd " + dir.path() +
        " && tar --xattrs --xattrs-include='*' --numeric-owner -S --sort=name --format=posix "
        "-C tree -cf tree.tar .");
  std::string devices;
  for (const RawEntry& device : kDevices) devices += raw_entry(device);
  sys::write_file_atomically(dir.fd(), "stage3.tar",
                             devices + sys::read_file(dir.fd(), "tree.tar"));
  shell("cd " + dir.path() +
        " && tar --xattrs --xattrs-include='*' --numeric-owner -C tar -xpf stage3.tar "
        "--exclude=./dev/console --exclude=./dev/null --exclude=./dev/sda");
  const std::string expected = listing(dir.path() + "/tar");
  CHECK(expected.find("security.capability") != std::string::npos);
  const PackOptions plain{.kind = TreeKind::plain, .compression = Compression::none};
  const std::string content =
      pack(sys::openat(dir.fd(), "tar", O_RDONLY | O_DIRECTORY).get(), plain).blob;
  for (const char* codec :
       {"xz -0 -T2 --block-size=256KiB", "xz -0 -T1", "zstd -q -1", "pzstd -q -1 -p2", "gzip -1"}) {
    CAPTURE(codec);
    shell("cd " + dir.path() + " && " + codec + " -c stage3.tar > stored");
    const sys::Fd stored = sys::openat(dir.fd(), "stored", O_RDONLY);
    sys::remove_tree(dir.fd(), "ours");
    sys::mkdirat(dir.fd(), "ours", 0755);
    const sys::Fd ours = sys::openat(dir.fd(), "ours", O_RDONLY | O_DIRECTORY);
    Collected warnings;
    UnpackOptions options;
    options.warnings = &warnings;
    const UnpackSummary summary = unpack_archive(stored.get(), "stage3.tar", ours.get(), options);
    CHECK(summary.devices_skipped == kDevices.size());
    REQUIRE(warnings.warnings.size() == 1);
    CHECK(warnings.warnings.front().message == "3 device node(s) left out");
    CHECK(listing(dir.path() + "/ours") == expected);
    CHECK(pack(ours.get(), plain).blob == content);
    CHECK(sys::fstatat(ours.get(), "var/lib/sparse", 0).st_blocks * 512 <= 4 * 4096);
  }
}
