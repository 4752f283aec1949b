#include "shared_cache.h"

#include <doctest/doctest.h>

#include "gbox/base/json.h"
#include "gbox/sys/file.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;
using namespace gbox::build::test;

namespace {

SharedCache sound() {
  return {"ccache", "of these", sha256("archive"), 7};
}

std::string why(const std::string& text, const std::string& name) {
  try {
    (void)parse_shared_cache(text, name);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("what is told of a shared cache is read back as it was written") {
  const SharedCache made = sound();
  const SharedCache read =
      parse_shared_cache(shared_cache_facts(made), shared_cache_name("ccache"));
  CHECK(read.id == made.id);
  CHECK(read.content == made.content);
  CHECK(read.sha256 == made.sha256);
  CHECK(read.size_bytes == made.size_bytes);
  CHECK(shared_cache_archive(read) ==
        shared_cache_name("ccache").substr(0, 64) + '.' + made.sha256.hex() + ".tar.zst");
}

TEST_CASE("facts of a cache that are not exactly right are refused") {
  const std::string name = shared_cache_name("ccache");
  const auto changed = [&](const char* key, Json value) {
    Json facts = parse_json(shared_cache_facts(sound()), "facts");
    facts[key] = std::move(value);
    return why(facts.dump(), name);
  };
  CHECK(changed("format", "gbox-package") == "it is of another format");
  CHECK(changed("version", 2) == "version 2 is not known to this gbox");
  CHECK(changed("id", "other") == "it is of the cache 'other'");
  for (const char* id : {"", "../../x", "a/b", "A", "..", "x y", "\n"}) {
    CAPTURE(id);
    CHECK(changed("id", id).find("is no id of a cache") != std::string::npos);
  }
  CHECK(changed("size_bytes", std::uint64_t{1} << 40).find("more than 64.0 GiB") !=
        std::string::npos);
  CHECK_FALSE(changed("size_bytes", -1).empty());
  CHECK_FALSE(changed("sha256", "abc").empty());
  CHECK_FALSE(changed("sha256", nullptr).empty());
  CHECK_FALSE(why("{", name).empty());
  CHECK(why(shared_cache_facts(sound()), shared_cache_name("other")) ==
        "it is of the cache 'ccache'");
}

TEST_CASE("an archive that is a link, another size or gone is not opened") {
  const sys::TempDir dir("/tmp", "gbox-test-");
  sys::mkdirat(dir.fd(), kCachesDirectory, 0755);
  const std::string place = std::string(kCachesDirectory) + '/';
  const SharedCache cache = sound();
  sys::write_file_atomically(dir.fd(), place + shared_cache_name(cache.id),
                             shared_cache_facts(cache), 0644);
  const SharedCaches caches(dir.fd());
  const auto opened = [&] {
    std::string reason;
    return caches.open(cache, reason) ? "opened" : reason;
  };
  std::string reason;
  REQUIRE(caches.find("ccache", reason));
  CHECK(!caches.find("other", reason));
  CHECK(reason.empty());
  CHECK(opened() == "it is gone");
  const std::string archive = place + shared_cache_archive(cache);
  sys::write_file_atomically(dir.fd(), archive, "archive and more", 0644);
  CHECK(opened() == "it has 16 bytes instead of 7");
  sys::write_file_atomically(dir.fd(), archive, "archive", 0644);
  CHECK(opened() == "opened");
  sys::unlinkat(dir.fd(), archive, 0);
  sys::symlinkat("/etc/passwd", dir.fd(), archive);
  CHECK(opened().find("symbolic link") != std::string::npos);
  SilentObserver observer;
  std::size_t refused = 0;
  CHECK(caches.list(observer, refused).size() == 1);
  sys::write_file_atomically(dir.fd(), place + "other.json", shared_cache_facts(cache), 0644);
  CHECK(caches.list(observer, refused).size() == 1);
  CHECK(refused == 1);
  CHECK(!SharedCaches(sys::open("/proc", O_RDONLY | O_DIRECTORY).get()).find("ccache", reason));
}
