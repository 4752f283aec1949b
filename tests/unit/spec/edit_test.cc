#include "gbox/spec/edit.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"
#include "gbox/spec/spec.h"

using namespace gbox;
using namespace gbox::spec;
using Key = PortageAddition::Key;

namespace {

const PortageAddition kJit{Key::package_use, "dev-libs/pcre2", {"jit"}};
const PortageAddition kUnmask{Key::package_unmask, "=app-demo/x-1.0", {}};

std::string edited(std::string_view text, const std::vector<PortageAddition>& additions = {kJit}) {
  const EditedSpec once = add_to_portage("stage4.toml", text, additions);
  const EditedSpec twice = add_to_portage("stage4.toml", once.text, additions);
  CHECK(twice.text == once.text);  // it says all of this now
  CHECK(twice.changed.empty());
  return once.text;
}

std::string refusal(std::string_view text, const PortageAddition& addition = kJit) {
  try {
    (void)add_to_portage("stage4.toml", text, {addition});
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("a spec without [portage] gets one at its end") {
  CHECK(edited("name = \"x\"\n") ==
        "name = \"x\"\n\n[portage]\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]\n");
  CHECK(edited("") == "[portage]\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]\n");
  CHECK(edited("[portage.env.quick]\nCFLAGS = \"-O1\"\n[[phase]]\nname = \"x\"") ==
        "[portage.env.quick]\nCFLAGS = \"-O1\"\n[[phase]]\nname = \"x\"\n\n[portage]\n"
        "package_use.\"dev-libs/pcre2\" = [\"jit\"]\n");
}

TEST_CASE("a rule goes behind the last key of [portage], in front of what follows") {
  CHECK(edited("[portage]  # how\n"
               "  use = [  # many\n    \"a\",\n  ]  # end\n"
               "  # the phases\n\n[[phase]]\nname = \"x\"\n",
               {kJit, kUnmask}) ==
        "[portage]  # how\n"
        "  use = [  # many\n    \"a\",\n  ]  # end\n"
        "  package_use.\"dev-libs/pcre2\" = [\"jit\"]\n"
        "  package_unmask = [\"=app-demo/x-1.0\"]\n"
        "  # the phases\n\n[[phase]]\nname = \"x\"\n");
  CHECK(edited("[portage]\n[build]\njobs = 1\n") ==
        "[portage]\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]\n[build]\njobs = 1\n");
  CHECK(edited("portage.profile = \"x\"\nname = \"y\"\n") ==
        "portage.profile = \"x\"\nportage.package_use.\"dev-libs/pcre2\" = [\"jit\"]\n"
        "name = \"y\"\n");
}

TEST_CASE("a rule stands with its like, as those are written") {
  CHECK(
      edited("[portage]\npackage_use = { \"a/b\" = [\"c\"] }  # flags\n") ==
      "[portage]\npackage_use = { \"a/b\" = [\"c\"], \"dev-libs/pcre2\" = [\"jit\"] }  # flags\n");
  CHECK(edited("[portage]\npackage_use = {}\n") ==
        "[portage]\npackage_use = { \"dev-libs/pcre2\" = [\"jit\"] }\n");
  CHECK(edited("portage = { use = [\"a}\"] }\n") ==
        "portage = { use = [\"a}\"], package_use.\"dev-libs/pcre2\" = [\"jit\"] }\n");
  CHECK(edited("[portage]\nuse = []\n[ portage . \"package_use\" ]\n'a/b' = ['c']\n\n[build]\n") ==
        "[portage]\nuse = []\n[ portage . \"package_use\" ]\n'a/b' = ['c']\n"
        "\"dev-libs/pcre2\" = [\"jit\"]\n\n[build]\n");
  CHECK(edited("[portage.package_use]\n[build]\n") ==
        "[portage.package_use]\n\"dev-libs/pcre2\" = [\"jit\"]\n[build]\n");
  CHECK(edited("[portage]\npackage_use.\"a/b\" = [\"c\"]\nuse = []\n") ==
        "[portage]\npackage_use.\"a/b\" = [\"c\"]\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]\n"
        "use = []\n");
}

TEST_CASE("a list that is there grows, whatever its key looks like") {
  for (const std::string key : {"package_use.\"dev-libs/pcre2\"", "package_use.'dev-libs/pcre2'",
                                "\"package_use\" . \"dev-libs\\u002Fpcre2\""})
    CHECK(edited("[portage]\n" + key + " = [\"a\"]\n") ==
          "[portage]\n" + key + " = [\"a\", \"jit\"]\n");
  CHECK(edited("[portage]\npackage_use = { \"dev-libs/pcre2\" = [\"a\"], b = [] }\n") ==
        "[portage]\npackage_use = { \"dev-libs/pcre2\" = [\"a\", \"jit\"], b = [] }\n");
  CHECK(edited("[portage]\npackage_use = { \"dev-libs/pcre2\" = [ ] }\n") ==
        "[portage]\npackage_use = { \"dev-libs/pcre2\" = [\"jit\"] }\n");
  CHECK(edited("[portage]\npackage_unmask = [\"a/b\", ]  # why\n", {kUnmask}) ==
        "[portage]\npackage_unmask = [\"a/b\", \"=app-demo/x-1.0\", ]  # why\n");
}

TEST_CASE("a list over several lines keeps its layout and its comments") {
  CHECK(
      edited(
          "[portage]\npackage_unmask = [\n  \"a/b\",  # one\n  \"c/d\"   # two, with a comma\n]\n",
          {kUnmask}) ==
      "[portage]\npackage_unmask = [\n  \"a/b\",  # one\n  \"c/d\",   # two, with a comma\n"
      "  \"=app-demo/x-1.0\"\n]\n");
  CHECK(edited("[portage]\npackage_unmask = [\n  \"a/b\",\n  # the end ]\n]\n", {kUnmask}) ==
        "[portage]\npackage_unmask = [\n  \"a/b\",\n  \"=app-demo/x-1.0\",\n  # the end ]\n]\n");
  CHECK(edited("[portage]\npackage_unmask = [\n  \"a/b\"]\n", {kUnmask}) ==
        "[portage]\npackage_unmask = [\n  \"a/b\",\n  \"=app-demo/x-1.0\"]\n");
  CHECK(edited("[portage]\npackage_unmask = [ # none\n]\n", {kUnmask}) ==
        "[portage]\npackage_unmask = [\"=app-demo/x-1.0\" # none\n]\n");
}

TEST_CASE("line breaks stay as they are, and a missing last one stays missing") {
  CHECK(edited("[portage]\r\nuse = []\r\n\r\n[build]\r\n") ==
        "[portage]\r\nuse = []\r\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]\r\n\r\n[build]\r\n");
  CHECK(edited("[portage]\r\npackage_unmask = [\r\n\t\"a/b\"\r\n]\r\n", {kUnmask}) ==
        "[portage]\r\npackage_unmask = [\r\n\t\"a/b\",\r\n\t\"=app-demo/x-1.0\"\r\n]\r\n");
  CHECK(edited("[portage]\nuse = []") ==
        "[portage]\nuse = []\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]");
  CHECK(edited("\xEF\xBB\xBF[portage]") ==
        "\xEF\xBB\xBF[portage]\npackage_use.\"dev-libs/pcre2\" = [\"jit\"]");
}

TEST_CASE("text that looks like TOML within strings and comments is none") {
  CHECK(edited("# [portage]\n[[phase]]\nrun = '''\n[portage]\npackage_use = { \"'''\n"
               "env.X = \"\"\"\n\\\"\" [portage] \"\"\"\"\"  # [x]\n[portage]  # ]\n") ==
        "# [portage]\n[[phase]]\nrun = '''\n[portage]\npackage_use = { \"'''\n"
        "env.X = \"\"\"\n\\\"\" [portage] \"\"\"\"\"  # [x]\n[portage]  # ]\n"
        "package_use.\"dev-libs/pcre2\" = [\"jit\"]\n");
}

TEST_CASE("a flag takes the place of its opposite") {
  const PortageAddition addition{Key::package_use, "a/b", {"-x", "y", "z"}};
  CHECK(edited("[portage.package_use]\n\"a/b\" = ['x', \"-y\", \"q\"]\n", {addition}) ==
        "[portage.package_use]\n\"a/b\" = [\"-x\", \"y\", \"q\", \"z\"]\n");
}

TEST_CASE("the changed lines are told by number") {
  const EditedSpec spec = add_to_portage(
      "stage4.toml", "name = \"x\"\n[portage]\npackage_unmask = [\"a/b\"]\nuse = []\n\n[build]\n",
      {kUnmask, kJit});
  REQUIRE(spec.changed.size() == 2);
  CHECK(spec.changed[0].number == 3);
  CHECK(spec.changed[0].text == "package_unmask = [\"a/b\", \"=app-demo/x-1.0\"]");
  CHECK(spec.changed[1].number == 5);
  CHECK(spec.changed[1].text == "package_use.\"dev-libs/pcre2\" = [\"jit\"]");
  CHECK(to_toml(kJit) == spec.changed[1].text);
}

TEST_CASE("what cannot be added to is refused, and named") {
  CHECK(refusal("[portage]\npackage_use = 1\n") ==
        "add 'jit' to 'portage.package_use.dev-libs/pcre2': there is a value where a table is "
        "expected");
  CHECK(refusal("[portage.package_use]\n\"dev-libs/pcre2\" = \"a\"\n")
            .ends_with("a list is expected"));
  CHECK(refusal("[portage.package_use]\n\"dev-libs/pcre2\" = [1]\n").ends_with("than text"));
  CHECK(refusal("[[portage]]\n").find("a table is expected") != std::string::npos);
  CHECK(refusal("", {Key::package_use, "a/b", {"${x}"}}).ends_with("a value of [args]"));
  CHECK(refusal("", {Key::package_use, "a/b", {"x\n[args]"}}).ends_with("no plain text"));
  CHECK_THROWS_AS((void)add_to_portage("stage4.toml", "[portage\n", {kJit}), SpecError);
}

TEST_CASE("a hostile depth of brackets costs no stack") {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  CHECK(edited("x = " + deep + "\n[portage]\n").ends_with("= [\"jit\"]\n"));
}
