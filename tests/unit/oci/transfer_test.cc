#include "transfer.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

TEST_CASE("a stretch of a file is appended, with the kernel's help and without") {
  const Fixture f;
  std::string content;
  for (int i = 0; i < 300000; ++i) content += std::to_string(i);
  f.put("in", "head" + content + "tail");
  for (const Kernel kernel : {Kernel::copies, Kernel::only_reads}) {
    f.put("out", "");
    const sys::Fd out = sys::open(f.at("out"), O_WRONLY);
    sys::write_all(out.get(), "before:", "out");
    const BlobFile blob{.fd = sys::open(f.at("in"), O_RDONLY), .offset = 4, .size = content.size()};
    std::uint64_t copied = 0;
    append_blob(
        blob, out.get(), "in", [&](std::uint64_t bytes) { copied += bytes; }, kernel);
    CHECK(copied == content.size());
    CHECK(f.get("out") == "before:" + content);
  }
}

TEST_CASE("a whole file is copied where extents may be shared, too") {
  const Fixture f;
  f.put("in", std::string(100000, 'x'));
  f.put("out", "");
  const sys::Fd out = sys::open(f.at("out"), O_WRONLY);
  append_blob({.fd = sys::open(f.at("in"), O_RDONLY), .offset = 0, .size = 100000}, out.get(), "in",
              {});
  sys::write_all(out.get(), "behind", "out");
  CHECK(f.get("out") == std::string(100000, 'x') + "behind");
}

TEST_CASE("a file that became shorter is an error, not a short copy") {
  const Fixture f;
  f.put("in", "abc");
  f.put("out", "");
  const sys::Fd out = sys::open(f.at("out"), O_WRONLY);
  CHECK(error_of([&] {
          append_blob({.fd = sys::open(f.at("in"), O_RDONLY), .offset = 0, .size = 4}, out.get(),
                      "in", {});
        }) == "copy 'in': the file became shorter meanwhile");
}

TEST_CASE("a file whose last name is gone, or that others may not read, is not linked") {
  const Fixture f;
  f.put("in", "abc", 0444);
  const sys::Fd in = sys::open(f.at("in"), O_RDONLY);
  CHECK(try_link_blob(in.get(), f.dir.fd(), "link"));
  f.put("private", "abc", 0600);
  const sys::Fd own = sys::open(f.at("private"), O_RDONLY);
  CHECK_FALSE(try_link_blob(own.get(), f.dir.fd(), "link2"));
  f.put("gone", "abc", 0444);
  const sys::Fd gone = sys::open(f.at("gone"), O_RDONLY);
  sys::unlinkat(f.dir.fd(), "gone", 0);
  CHECK_FALSE(try_link_blob(gone.get(), f.dir.fd(), "link3"));
}
