#include "gbox/oci/location.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

TEST_CASE("the first colon behind the transport ends the path, as with skopeo") {
  CHECK(parse_output("oci:out") == ImageLocation{Transport::directory, "out", ""});
  CHECK(parse_output("oci:./php:8.3") == ImageLocation{Transport::directory, "./php", "8.3"});
  CHECK(parse_output("oci:out:php:8.3") == ImageLocation{Transport::directory, "out", "php:8.3"});
  CHECK(parse_output("oci:/a/b//") == ImageLocation{Transport::directory, "/a/b", ""});
  CHECK(parse_output("oci-archive:x.tar:example.org:5000/a/b:1") ==
        ImageLocation{Transport::archive, "x.tar", "example.org:5000/a/b:1"});
  CHECK(parse_output("docker-archive:x.tar:a:b").transport == Transport::archive);
  CHECK_THROWS_AS(parse_source("docker-archive:x.tar"), Error);
  for (const char* text : {"oci:out", "oci:/a:r", "oci-archive:x.tar:a:b", "docker-archive:x"})
    CHECK(to_string(parse_output(text)) == text);
}

TEST_CASE("a target that cannot be meant is a usage error that tells the forms") {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"out.tar",
       "output 'out.tar': no transport before the path | for a directory: 'oci:out.tar',"
       " for a tar file: 'oci-archive:out.tar'"},
      {"docker-daemon:x",
       "output 'docker-daemon:x': unknown transport 'docker-daemon' (known: 'oci', 'oci-archive' "
       "and 'docker-archive') | write 'oci:DIR[:REF]' and 'oci-archive:FILE[:REF]'; 'skopeo copy' "
       "converts to others"},
      {"oci:",
       "output 'oci:': no path to write to | write 'oci:DIR[:REF]' and "
       "'oci-archive:FILE[:REF]'"},
      {"oci::x",
       "output 'oci::x': no path to write to | write 'oci:DIR[:REF]' and "
       "'oci-archive:FILE[:REF]'"},
      {"oci:out:",
       "output 'oci:out:': '' is no reference | the path ends at its first colon and "
       "cannot hold one; a reference has letters and digits with single '-', '.', '_', "
       "':', '+', '@' or '/' between them"},
      {"oci:out:a b",
       "output 'oci:out:a b': 'a b' is no reference | the path ends at its first "
       "colon and cannot hold one; a reference has letters and digits with single "
       "'-', '.', '_', ':', '+', '@' or '/' between them"},
  };
  for (const Row& row : rows) {
    CHECK(error_of([&] { parse_output(row.text); }) == row.message);
    CHECK(code_of([&] { parse_output(row.text); }) == ExitCode::usage);
  }
  CHECK(error_of([] { parse_source("oci:"); }).starts_with("image 'oci:': no path to read from"));
  for (const char* text : {"oci:a:../x", "oci:a:x/", "oci:a::", "oci:a:x//y", "oci:a:.."})
    CHECK(code_of([&] { parse_output(text); }) == ExitCode::usage);
}

TEST_CASE("an image is named after the reference, else after the spec") {
  struct Row {
    const char* reference;
    const char* ref_name;
    const char* full_name;
  };
  const Row rows[] = {
      {"", "latest", "localhost/php:latest"},
      {"8.3", "8.3", "localhost/php:8.3"},
      {"V1", "V1", "localhost/php:V1"},
      {"fpm:8.3", "fpm:8.3", "localhost/fpm:8.3"},
      {"team/fpm", "team/fpm", "localhost/team/fpm:latest"},
      {"localhost/fpm:1", "localhost/fpm:1", "localhost/fpm:1"},
      {"example.org:5000/fpm", "example.org:5000/fpm", "example.org:5000/fpm:latest"},
      {"docker.io/library/php:8", "docker.io/library/php:8", "docker.io/library/php:8"},
  };
  for (const Row& row : rows) {
    const ImageName name = image_name(row.reference, "php");
    CHECK(name.ref_name == row.ref_name);
    CHECK(name.full_name == row.full_name);
  }
  CHECK(image_name("", "php", "8.4").full_name == "localhost/php:8.4");
}

TEST_CASE("names that podman would refuse are refused before the build") {
  struct Row {
    const char* reference;
    const char* message;
  };
  const Row rows[] = {
      {"PHP:8.3",
       "image name 'PHP:8.3': upper case in 'PHP' | only the tag may hold upper case: "
       "write the name in lower case"},
      {"a/b+c:1",
       "image name 'a/b+c:1': 'b+c' is no part of a name | use lower-case letters and "
       "digits, with '.', '_' or '-' between them"},
      {"php:a+b",
       "image name 'php:a+b': 'a+b' is no tag | a tag has letters, digits, '_', '.' and "
       "'-', at most 128"},
      {"php@sha256",
       "image name 'php:php@sha256': a digest cannot be chosen | leave out '@' and "
       "what follows; the digest is printed when the image is written"},
  };
  for (const Row& row : rows) {
    CHECK(error_of([&] { image_name(row.reference, "php"); }) == row.message);
    CHECK(code_of([&] { image_name(row.reference, "php"); }) == ExitCode::usage);
  }
}
