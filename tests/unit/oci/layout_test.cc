#include "gbox/oci/layout.h"

#include <sys/file.h>

#include <thread>

#include "files.h"
#include "fixture.h"
#include "gbox/oci/attachment.h"
#include "target.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

std::string shown(const ImageLocation& target) {
  return '\'' + target.path + '\'';
}

struct Stop {};

}  // namespace

TEST_CASE("an image written to a directory or an archive is read back whole") {
  const Fixture f;
  for (const OutputTarget& target : {f.directory("out", "8.3"), f.archive("out.tar", "php:8.3")}) {
    const ImageDocuments written = f.write(target, f.spec());
    CHECK(verify_layout(target, [](const BlobFile& blob, std::string_view) {
            std::string text(blob.size, '\0');
            sys::read_full(blob.fd.get(), std::as_writable_bytes(std::span(text)), "blob");
            return sha256(text);
          }) == std::vector<std::string>{});
    const LayoutReader reader(target);
    const Image image = reader.pick(Platform{"linux", "amd64", ""});
    CHECK(image.descriptor.digest == written.manifest.digest);
    CHECK(image.config.history.size() == 2);
    CHECK(image.config.history[0].created == "2026-11-15T17:03:12Z");
    CHECK(image.config.history[1].empty_layer);
    CHECK(written.layers == 1);
    CHECK(written.size_bytes == 9 + written.config.size);
    CHECK(is_up_to_date(target, image_name(target.reference, "tiny"), written.manifest.digest));
    CHECK_FALSE(is_up_to_date(target, image_name("other", "tiny"), written.manifest.digest));
    CHECK_FALSE(is_up_to_date(target, image_name(target.reference, "tiny"), sha256("x")));
  }
  CHECK(f.names() == std::vector<std::string>{"layer.tar", "out", "out.tar"});
}

TEST_CASE("the same image has the same bytes, wherever it is written") {
  const Fixture f;
  f.write(f.archive("a.tar"), f.spec());
  f.write(f.archive("b.tar"), f.spec());
  CHECK(f.get("a.tar") == f.get("b.tar"));
  const ImageDocuments one = f.write(f.directory("a"), f.spec());
  const ImageDocuments two = f.write(f.directory("b"), f.spec("layer two"));
  CHECK(one.manifest.digest != two.manifest.digest);
  CHECK(f.get("a/oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
  CHECK(f.get("a/index.json") ==
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)"
        R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
            one.manifest.digest.to_string() + R"(","size":)" + std::to_string(one.manifest.size) +
            R"(,"annotations":{"org.opencontainers.image.ref.name":"latest"},)"
            R"("platform":{"architecture":"amd64","os":"linux"}}]})");
}

TEST_CASE("only an archive's index carries the full name podman shows") {
  const Fixture f;
  f.write(f.archive("a.tar", "8.3"), f.spec());
  const StringMap annotations = LayoutReader(f.archive("a.tar")).index().manifests[0].annotations;
  CHECK(annotations == StringMap{{"io.containerd.image.name", "localhost/tiny:8.3"},
                                 {"org.opencontainers.image.ref.name", "8.3"}});
}

TEST_CASE("what is written can be read by everybody whatever the umask") {
  const Fixture f;
  const mode_t before = ::umask(077);
  f.write(f.directory(), f.spec());
  f.write(f.archive(), f.spec());
  (void)::umask(before);  // it cannot fail
  const auto mode = [&](const std::string& name) {
    return sys::fstatat(f.dir.fd(), name, 0).st_mode & 07777;
  };
  CHECK(mode("out") == 0755);
  CHECK(mode("out/blobs/sha256") == 0755);
  CHECK(mode("out/index.json") == 0644);
  CHECK(mode("out/blobs/sha256/" + sha256("layer one").hex()) == 0644);
  CHECK(mode("out.tar") == 0644);
}

TEST_CASE("blobs are linked only when asked for and readable by all") {
  const Fixture f;
  const ImageSpec spec = f.spec();
  const std::string blob = "/blobs/sha256/" + sha256("layer one").hex();
  const auto inode = [&](const std::string& name) {
    return sys::fstatat(f.dir.fd(), name, 0).st_ino;
  };
  f.write(f.directory("copied"), spec);
  CHECK(inode("copied" + blob) != inode("layer.tar"));
  f.write(f.directory("linked"), spec, "latest", Sharing::hard_link);
  CHECK(inode("linked" + blob) == inode("layer.tar"));
  REQUIRE(::fchmodat(f.dir.fd(), "layer.tar", 0600, 0) == 0);
  f.write(f.directory("private"), spec, "latest", Sharing::hard_link);
  CHECK(inode("private" + blob) != inode("layer.tar"));
  CHECK((sys::fstatat(f.dir.fd(), "private" + blob, 0).st_mode & 07777) == 0644);
}

TEST_CASE("an image of the same name, an empty directory and an empty file are replaced") {
  const Fixture f;
  sys::mkdirat(f.dir.fd(), "out", 0700);
  f.put("out.tar", "");
  for (const char* content : {"one", "two", "three"}) {
    for (const OutputTarget& target : {f.directory(), f.archive()}) {
      const ImageDocuments written = f.write(target, f.spec(content));
      CHECK(LayoutReader(target).pick().descriptor.digest == written.manifest.digest);
      CHECK(verify_layout(target).empty());
    }
  }
  CHECK(f.names() == std::vector<std::string>{"layer.tar", "out", "out.tar"});
}

TEST_CASE("an unnamed image may be replaced, several may not") {
  const Fixture f;
  const ImageDocuments written = f.write(f.directory(), f.spec());
  Descriptor entry = written.manifest;
  f.plant_index({entry});
  CHECK_NOTHROW(check_target(f.directory(), "x"));
  f.plant_index({entry, entry});
  CHECK(error_of([&] { check_target(f.directory(), "x"); }) ==
        "write layout " + shown(f.directory()) +
            ": it already holds 2 images | use another path, or remove the directory if you do not "
            "need them any more");
  f.plant_index({});
  CHECK_NOTHROW(check_target(f.directory(), "x"));
}

TEST_CASE("images of other names are kept when that is asked for, with what is about them") {
  const Fixture f;
  const auto name_of = [](const OutputTarget& target) { return image_name(target.reference, "x"); };
  const auto add = [&](const OutputTarget& target, const std::string& content) {
    WriteOptions options;
    options.name = name_of(target);
    options.others = Others::keep;
    options.sharing = Sharing::hard_link;
    options.durable = sys::Durable::no;
    LayoutWriter writer(target, options);
    return assemble(f.spec(content), writer, {{std::string(kSpdxType), "about " + content, {}}});
  };
  for (const bool directory : {true, false}) {
    const auto at_name = [&](const std::string& name) {
      return directory ? f.directory("many", name) : f.archive("many.tar", name);
    };
    const ImageDocuments one = add(at_name("1"), "one");
    const ImageDocuments two = add(at_name("2"), "two");
    const LayoutReader both(at_name(""));
    CHECK(both.index().manifests.size() == 2);
    CHECK(LayoutReader(at_name("1")).pick().descriptor.digest == one.manifest.digest);
    CHECK(LayoutReader(at_name("2")).pick().descriptor.digest == two.manifest.digest);
    CHECK(verify_layout(at_name("")) == std::vector<std::string>{});
    REQUIRE(read_attachments(both, one.manifest.digest).size() == 1);
    CHECK(read_attachments(both, one.manifest.digest).front().bytes == "about one");
    REQUIRE(read_attachments(both, two.manifest.digest).size() == 1);
    // Its own is replaced, with what was about it.
    const ImageDocuments again = add(at_name("1"), "three");
    const LayoutReader after(at_name(""));
    CHECK(after.index().manifests.size() == 2);
    CHECK(LayoutReader(at_name("1")).pick().descriptor.digest == again.manifest.digest);
    CHECK(LayoutReader(at_name("2")).pick().descriptor.digest == two.manifest.digest);
    CHECK(read_attachments(after, one.manifest.digest).empty());
    CHECK(read_attachments(after, two.manifest.digest).size() == 1);
    CHECK(verify_layout(at_name("")) == std::vector<std::string>{});
  }
  // One image by two names: what is about it is that of both.
  for (const bool directory : {true, false}) {
    const auto at_name = [&](const std::string& name) {
      return directory ? f.directory("twice", name) : f.archive("twice.tar", name);
    };
    const ImageDocuments once = add(at_name("1"), "one");
    CHECK(add(at_name("2"), "one").manifest.digest == once.manifest.digest);
    CHECK(verify_layout(at_name("")) == std::vector<std::string>{});
    const LayoutReader both(at_name(""));
    CHECK(both.index().manifests.size() == 2);
    CHECK(read_attachments(both, once.manifest.digest).size() == 1);
  }
  // Without a name it could not be found any more.
  Descriptor entry = f.write(f.directory(), f.spec()).manifest;
  f.plant_index({entry});
  CHECK(error_of([&] { check_target(f.directory(), "x", Others::keep); }) ==
        "write layout " + shown(f.directory()) +
            ": what it already holds has no name | use another path: among several, an image is "
            "found by its name alone");
}

TEST_CASE("of many that add an image at once, none is lost") {
  const Fixture f;
  constexpr int kWriters = 8;
  const ImageSpec image = f.spec();
  for (const Transport transport : {Transport::directory, Transport::archive}) {
    for (int round = 0; round < 10; ++round) {
      const std::string path =
          f.at(std::to_string(round) + (transport == Transport::archive ? ".tar" : ""));
      std::vector<std::thread> writers;
      for (int each = 0; each < kWriters; ++each)
        writers.emplace_back([&, name = "n" + std::to_string(each)] {
          try {
            LayoutWriter writer({transport, path, name}, {.name = image_name(name, "tiny"),
                                                          .others = Others::keep,
                                                          .durable = sys::Durable::no});
            assemble(image, writer);
          } catch (const Error& error) {
            FAIL_CHECK(error.message());
          }
        });
      for (std::thread& writer : writers) writer.join();
      CHECK(LayoutReader({transport, path, ""}).index().manifests.size() == kWriters);
      CHECK(verify_layout({transport, path, ""}) == std::vector<std::string>{});
    }
  }
}

TEST_CASE("what must not be replaced is refused early and stays as it is") {
  const Fixture f;
  f.write(f.directory("other", "php:8.3"), f.spec());
  f.write(f.archive("other.tar", "php:8.3"), f.spec());
  f.write(f.directory("mixed"), f.spec());
  f.put("mixed/notes.txt", "mine");
  f.write(f.directory("broken"), f.spec());
  f.put("broken/index.json", "{");
  sys::ensure_directories(f.dir.fd(), "data/sub");
  f.put("file", "text");
  sys::symlinkat("nowhere", f.dir.fd(), "dangling");
  REQUIRE(::mkfifoat(f.dir.fd(), "fifo", 0600) == 0);
  struct Row {
    OutputTarget target;
    std::string message;
  };
  const std::string root = f.dir.path();
  const std::vector<Row> rows = {
      {f.directory("other", "8.4"),
       ": it already holds 'php:8.3' | use another path, or '--append' and read it as " +
           gbox::quoted(to_string(f.directory("other", "8.4")))},
      {f.archive("other.tar", "8.4"),
       ": it already holds 'php:8.3' | use another path, or '--append' and read it as " +
           gbox::quoted(to_string(f.archive("other.tar", "8.4")))},
      {f.directory("mixed"),
       ": beside the image layout it holds 'notes.txt' | move that away, or use another path"},
      {f.directory("broken"),
       ": what is there cannot be read as an image (read 'index.json': not valid json at byte 2) | "
       "use another path, or remove the directory"},
      {f.directory("data"),
       ": the directory is not empty and holds no image layout | use a path that does not exist "
       "yet, or an empty directory"},
      {f.directory("file"), ": a file is in the way | use another path, or write 'oci-archive:" +
                                root + "/file' for a tar file"},
      {f.directory("file/out"), ": '" + root + "/file' is not a directory | use another path"},
      {f.directory("none/out"), ": directory '" + root +
                                    "/none' does not exist | make it first: mkdir -p '" + root +
                                    "/none'"},
      {f.directory("dangling"),
       ": the symbolic link cannot be followed: No such file or directory | make what it points "
       "at, or use another path"},
      {f.archive("data"), ": a directory is in the way | name a file in it, or write 'oci:" + root +
                              "/data' for a directory"},
      {f.archive("fifo"),
       ": it is not a regular file | write to a file and copy it from there: an archive is "
       "published by rename"},
      {f.archive("file"),
       ": what is there cannot be read as an image (read '" + root +
           "/file': the archive is cut off at byte 4) | use another path, or remove the file"},
      {{Transport::directory, "/", ""},
       ": the root directory cannot be replaced | use another path"},
      {{Transport::directory, "/proc/self/x", ""}, {}},
  };
  const std::vector<std::string> before = f.names();
  for (const Row& row : rows) {
    CAPTURE(row.target.path);
    const std::string deed =
        row.target.transport == Transport::archive ? "write archive " : "write layout ";
    const std::string message = error_of([&] { check_target(row.target, row.target.reference); });
    if (!row.message.empty()) CHECK(message == deed + shown(row.target) + row.message);
    CHECK(code_of([&] { f.write(row.target, f.spec()); }) == ExitCode::image);
  }
  CHECK(f.names() == before);
  CHECK(f.get("mixed/notes.txt") == "mine");
  CHECK(f.get("file") == "text");
}

TEST_CASE("a mount point is refused before the build, not by rename afterwards") {
  CHECK(error_of([] {
          check_target({Transport::directory, "/proc", ""}, "x");
        }).find("/proc") != std::string::npos);
}

TEST_CASE("a directory that cannot be written to is named") {
  if (::geteuid() == 0) return;  // root may write everywhere
  CHECK(error_of([] {
          check_target({Transport::directory, "/etc/out", ""}, "x");
        }) ==
        "write layout '/etc/out': directory '/etc' cannot be written to: Permission denied | use "
        "another path, or change the directory's mode");
}

TEST_CASE("a symbolic link to the target stays, what it points at is replaced") {
  const Fixture f;
  f.write(f.directory("real"), f.spec());
  sys::symlinkat("real", f.dir.fd(), "link");
  const ImageDocuments written = f.write(f.directory("link"), f.spec("two"));
  CHECK(sys::readlinkat(f.dir.fd(), "link") == "real");
  CHECK(LayoutReader(f.directory("real")).pick().descriptor.digest == written.manifest.digest);
}

TEST_CASE("where directories cannot be exchanged, two renames put the new one in place") {
  const Fixture f;
  f.write(f.directory(), f.spec());
  f.write(f.directory("new"), f.spec("two"));
  const TargetPlace place = examine_target(f.directory(), "latest", Others::refuse);
  const std::string old = replace_directory(place, "new", Exchange::no);
  CHECK(old.starts_with("out.old-"));
  CHECK(f.get("out/blobs/sha256/" + sha256("two").hex()) == "two");
  CHECK(f.get(old + "/blobs/sha256/" + sha256("layer one").hex()) == "layer one");
  CHECK(f.names() == std::vector<std::string>{"layer.tar", "out", old});
  // Where the second rename fails, the first is taken back.
  CHECK_THROWS_AS(replace_directory(place, "missing", Exchange::no), Error);
  CHECK(f.get("out/blobs/sha256/" + sha256("two").hex()) == "two");
}

TEST_CASE("an error or a stop in the middle leaves the old image and nothing else") {
  const Fixture f;
  for (const OutputTarget& target : {f.directory(), f.archive()}) {
    const ImageDocuments old = f.write(target, f.spec());
    const ImageSpec next = f.spec("two");
    LayoutWriter writer(target, {.name = image_name("", "tiny"),
                                 .progress = [](std::uint64_t, std::uint64_t) { throw Stop(); }});
    CHECK_THROWS_AS(assemble(next, writer), Stop);
    CHECK(LayoutReader(target).pick().descriptor.digest == old.manifest.digest);
    CHECK(verify_layout(target).empty());
  }
  CHECK(f.names() == std::vector<std::string>{"layer.tar", "out", "out.tar"});
}

TEST_CASE("progress counts up to the announced total") {
  const Fixture f;
  std::uint64_t last = 0;
  std::uint64_t total = 0;
  LayoutWriter writer(f.directory(), {.name = image_name("", "tiny"),
                                      .progress = [&](std::uint64_t done, std::uint64_t all) {
                                        CHECK(done >= last);
                                        last = done;
                                        total = all;
                                      }});
  const ImageDocuments written = assemble(f.spec(), writer);
  CHECK(last == total);
  CHECK(total == written.size_bytes + written.manifest.size);
}

TEST_CASE("what a killed gbox left beside the target is removed, a living one's draft is not") {
  const Fixture f;
  sys::ensure_directories(f.dir.fd(), "out.tmp-00aa11/blobs");
  sys::ensure_directories(f.dir.fd(), "out.tmp-00bb22/blobs");
  sys::ensure_directories(f.dir.fd(), "out.tmp-my-files");
  const sys::Fd living = sys::open(f.at("out.tmp-00bb22"), O_RDONLY | O_DIRECTORY);
  REQUIRE(::flock(living.get(), LOCK_EX) == 0);
  f.write(f.directory(), f.spec());
  CHECK(f.names() ==
        std::vector<std::string>{"layer.tar", "out", "out.tmp-00bb22", "out.tmp-my-files"});
}

TEST_CASE("a target taken by somebody else since the check is refused, not overwritten") {
  const Fixture f;
  LayoutWriter writer(f.directory("out", "8.4"), {.name = image_name("8.4", "tiny")});
  f.write(f.directory("out", "8.3"), f.spec());
  CHECK(error_of([&] { assemble(f.spec(), writer); }).find("it already holds '8.3'") !=
        std::string::npos);
  CHECK(ref_name_of(LayoutReader(f.directory()).index().manifests.at(0)) == "8.3");
}

TEST_CASE("a blob whose size is not what was said is not taken") {
  const Fixture f;
  ImageSpec spec = f.spec();
  spec.entries[0].layer->size = 8;
  CHECK(error_of([&] { f.write(f.directory(), spec); }) ==
        "add blob 'layer.tar': it has 9 bytes instead of 8");
  CHECK(f.names() == std::vector<std::string>{"layer.tar"});
}

TEST_CASE("an image that tools would refuse is not put together") {
  const Fixture f;
  const ImageSpec good = f.spec();
  const auto message = [&](const auto& change) {
    ImageSpec spec = good;
    change(spec);
    CHECK(code_of([&] { make_documents(spec); }) == ExitCode::image);
    return error_of([&] { make_documents(spec); });
  };
  CHECK(message([](ImageSpec& s) { s.platform.architecture.clear(); }) ==
        "put the image together: operating system and architecture are not set");
  CHECK(message([](ImageSpec& s) { s.created = "now"; }) ==
        "put the image together: the time 'now' of the image is not one like "
        "'2026-11-15T17:03:12Z'");
  CHECK(message([](ImageSpec& s) { s.entries[0].layer->media_type = "text/plain"; }) ==
        "put the image together: layer type 'text/plain' is not known");
  CHECK(message([](ImageSpec& s) { s.entries[0].layer->diff_id = {}; }) ==
        "put the image together: layer 'layer.tar' has no digest");
  CHECK(message([](ImageSpec& s) { s.entries.assign(1001, s.entries[0]); }) ==
        "put the image together: 1001 layers are more than 1000");
}

TEST_CASE("a base image's layers and history are kept as they were") {
  const Fixture f;
  f.write(f.directory("base"), f.spec());
  const Image base = LayoutReader(f.directory("base")).pick();
  std::vector<ImageEntry> entries = entries_of(base);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].history == base.config.history[0]);
  CHECK(entries[0].layer->diff_id == sha256("layer one"));
  CHECK_FALSE(entries[1].layer);
  Image bare = base;
  bare.config.history.clear();
  entries = entries_of(bare);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].history.created_by == "base image");
  CHECK(entries[0].layer->digest == sha256("layer one"));
}
