// A whole spec arrives in the struct as it was meant.
#include <doctest/doctest.h>

#include "gbox/spec/spec.h"

using namespace gbox;
using namespace gbox::spec;
using Strings = std::vector<std::string>;

namespace {

constexpr std::string_view kWhole = R"(name = "registry.example.org/team/php"
tag = "8.3-${flavour}"

[args]
flavour = "musl"

[base]
tarball = "stage3-${flavour}.tar.xz"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

[repos.zebra]
path = "/srv/zebra"
priority = -5
[repos.gentoo]
path = "./gentoo"

[portage]
profile = "default/linux/amd64/23.0/no-multilib"
common_flags = "-march=x86-64-v3 -O2 -pipe"
use = ["-ipv6", "static-libs"]
make_conf = { PYTHON_TARGETS = "", CFLAGS = "$${COMMON_FLAGS} -g" }
package_use = { "dev-lang/php" = ["fpm", "-intl"], "*/*" = ["PYTHON_TARGETS:", "-*", "python3_12"] }
package_accept_keywords = { "=dev-lang/php-8.3*" = [] }
package_license = { "sys-kernel/linux-firmware" = ["linux-fw-redistributable"] }
package_env = { "dev-lang/php" = ["no-lto.conf"] }
package_mask = [">=dev-lang/php-8.4"]
package_unmask = ["dev-lang/php:8.3"]
config_dir = "portage"

[build]
jobs = 8
load_average = 7.5
emerge_jobs = 2
memory = "6G"
tmpfs = "10G"

[[phase]]
name = "world"
emerge = ["@world", "dev-lang/php:8.3[fpm,-cgi]"]
options = ["--with-bdeps=y", "-uN"]
oneshot = true
empty_tree = true
deep = true
changed_use = true
passes = 2

[[phase]]
name = "trim"
root = "//destination/./"
copy = [{ from = "files/php.ini", to = "/etc//php/", owner = "root:33", mode = "0640" },
        { from = "bin", to = "/usr/local/bin", mode = 0o755 }]
copy_package = ["sys-libs/glibc", "=sys-apps/file-5.45:0"]
unmerge = ["sys-apps/coreutils"]
depclean = true
trim = ["docs", "locales"]
keep_locales = ["de", "en_US.UTF-8"]
remove = ["/usr/share/man/", "/usr/lib/*.a"]
run = '''
php -m | grep intl
echo "$HOME $${HOME} ${flavour}"
'''
shell = "sh"
env = { DEBUG = "" }
network = "host"
policy = "portage"
mount = [{ kind = "secret", id = "token", owner = "250:250" },
         { kind = "cache", id = "ccache", target = "/var//cache/ccache/", mode = "0775" },
         { kind = "bind", from = "./files", target = "/mnt" },
         { kind = "tmpfs", target = "/scratch", size = "1G" }]

[output]
root = "/destination"
layers = "package"
max_layers = 20
compression = "zstd"
level = 19
sbom = false
source_date_epoch = 1700000000
[output.config]
entrypoint = ["/usr/bin/php-fpm", "-F", ""]
cmd = ["-y"]
env = { PATH = "/usr/bin" }
user = "www:33"
working_dir = "/srv/"
ports = ["9000", "53/udp", "9000/tcp"]
volumes = ["/var/lib/b", "/var/lib/a/"]
labels = { "org.opencontainers.image.title" = "PHP" }
stop_signal = "SIGQUIT"
[output.check]
closure = true
allow = ["/usr/bin/*-config"]
answer = ["/usr/bin/php --version"]
)";

}  // namespace

TEST_CASE("a spec that uses every key is read as it was meant") {
  const BuildSpec spec = read_spec("stage4.toml", kWhole);
  CHECK(spec.warnings.empty());
  CHECK(spec.name == "registry.example.org/team/php");
  CHECK(spec.tag == "8.3-musl");
  CHECK(spec.base.tarball == "stage3-musl.tar.xz");
  REQUIRE(spec.base.digests.size() == 1);
  CHECK(spec.base.digests[0] == sha256(""));

  REQUIRE(spec.repositories.size() == 2);
  CHECK(spec.repositories[0].name == "gentoo");
  CHECK(!spec.repositories[0].priority);
  CHECK(spec.repositories[1].path == "/srv/zebra");
  CHECK(spec.repositories[1].priority == -5);

  CHECK(spec.portage.profile == "default/linux/amd64/23.0/no-multilib");
  CHECK(values_of(spec.portage.use) == Strings{"-ipv6", "static-libs"});
  CHECK(spec.portage.make_conf.at("PYTHON_TARGETS").empty());
  CHECK(spec.portage.make_conf.at("CFLAGS") == "${COMMON_FLAGS} -g");
  REQUIRE(spec.portage.package_use.size() == 2);
  CHECK(spec.portage.package_use[0].atom == "*/*");
  CHECK(values_of(spec.portage.package_use[0].values) ==
        Strings{"PYTHON_TARGETS:", "-*", "python3_12"});
  CHECK(spec.portage.package_accept_keywords[0].values.empty());
  CHECK(values_of(spec.portage.package_mask) == Strings{">=dev-lang/php-8.4"});
  CHECK(spec.portage.config_dir == "portage");

  CHECK(spec.options.jobs == 8);
  CHECK(spec.options.load_average == 7.5);
  CHECK(spec.options.emerge_jobs == 2);
  CHECK(spec.options.memory_bytes == (std::uint64_t{6} << 30));
  CHECK(spec.options.tmpfs_bytes == std::uint64_t{10} << 30);

  REQUIRE(spec.phases.size() == 2);
  const Phase& world = spec.phases[0];
  CHECK(world.root == "/");
  CHECK(values_of(world.emerge.atoms) == Strings{"@world", "dev-lang/php:8.3[fpm,-cgi]"});
  CHECK(world.emerge.options == Strings{"--with-bdeps=y", "-uN"});
  CHECK((world.emerge.oneshot && world.emerge.empty_tree && world.emerge.deep &&
         world.emerge.changed_use));
  CHECK(world.emerge.passes == 2);
  CHECK(world.network == Network::none);

  const Phase& trim = spec.phases[1];
  CHECK(trim.where.line == 47);
  CHECK(trim.root == "/destination");
  REQUIRE(trim.copy.size() == 2);
  CHECK(trim.copy[0].to == "/etc/php/");
  CHECK(trim.copy[0].owner == "root:33");
  CHECK(trim.copy[0].mode == 0640);
  CHECK(trim.copy[1].to == "/usr/local/bin");
  CHECK(values_of(trim.copy_package) ==
        std::vector<std::string>{"sys-libs/glibc", "=sys-apps/file-5.45:0"});
  CHECK(trim.copy[1].owner == "0:0");
  CHECK(trim.copy[1].mode == 0755);
  CHECK(trim.remove == Strings{"/usr/share/man", "/usr/lib/*.a"});
  CHECK(trim.run == "php -m | grep intl\necho \"$HOME ${HOME} musl\"\n");
  CHECK(trim.shell == Shell::sh);
  CHECK(trim.env.at("DEBUG").empty());
  CHECK(trim.network == Network::host);
  CHECK(trim.policy == "portage");
  REQUIRE(trim.mounts.size() == 4);
  CHECK(trim.mounts[0].target == "/run/secrets/token");
  CHECK(trim.mounts[0].owner == "250:250");
  CHECK(trim.mounts[1].kind == PhaseMount::Kind::cache);
  CHECK(trim.depclean);
  CHECK(values_of(trim.trim->presets) == Strings{"docs", "locales"});
  CHECK(values_of(trim.trim->keep_locales) == Strings{"de", "en_US.UTF-8"});
  CHECK(trim.mounts[1].target == "/var/cache/ccache");
  CHECK(trim.mounts[1].mode == 0775);
  CHECK(trim.mounts[2].from == "./files");
  CHECK(trim.mounts[3].size_bytes == std::uint64_t{1} << 30);

  CHECK(spec.output.root == "/destination");
  CHECK(spec.output.layers == Layers::package);
  CHECK(spec.output.max_layers == 20);
  CHECK(!spec.output.sbom);
  CHECK(spec.output.provenance);
  CHECK(spec.output.source_date_epoch == 1700000000);
  CHECK(spec.output.compression == Compression::zstd);
  CHECK(spec.output.level == 19);
  const ImageConfig& config = spec.output.config;
  CHECK(config.entrypoint == Strings{"/usr/bin/php-fpm", "-F", ""});
  CHECK(config.user == "www:33");
  CHECK(config.working_dir == "/srv");
  CHECK(config.ports == Strings{"53/udp", "9000/tcp"});
  CHECK(config.volumes == Strings{"/var/lib/a", "/var/lib/b"});
  CHECK(config.labels.at("org.opencontainers.image.title") == "PHP");
  CHECK(config.stop_signal == "SIGQUIT");
  CHECK(spec.output.check.closure == true);
  CHECK(values_of(spec.output.check.allow) == Strings{"/usr/bin/*-config"});
  CHECK(values_of(spec.output.check.answer) == Strings{"/usr/bin/php --version"});
}

TEST_CASE("what a spec leaves out has the documented defaults") {
  const BuildSpec spec = read_spec("s.toml", "name = \"a\"\nbase.tarball = \"b.tar\"\n");
  CHECK(spec.tag == "latest");
  CHECK(spec.base.digests.empty());
  CHECK(spec.phases.empty());
  CHECK(!spec.options.jobs);
  CHECK(!spec.options.tmpfs_bytes);
  CHECK(spec.output.root == "/");
  CHECK(spec.output.layers == Layers::phase);
  CHECK(spec.output.compression == Compression::gzip);
  CHECK(!spec.output.level);
  CHECK(!spec.output.check.closure);
  CHECK(spec.output.max_layers == kDefaultMaxLayers);
  CHECK(spec.output.sbom);
  CHECK(!spec.output.source_date_epoch);
  CHECK(to_string(spec.portage.where) == "s.toml");
}

TEST_CASE("an override replaces an arg's value and is not looked into") {
  const std::string text =
      "name = \"a\"\ntag = \"${t}\"\n[args]\nt = \"x\"\nu = \"y\"\n[base]\ntarball = \"${u}\"\n";
  const BuildSpec spec = read_spec("s.toml", text, {{"u", "${t}.tar"}});
  CHECK(spec.tag == "x");
  CHECK(spec.base.tarball == "${t}.tar");
  CHECK(spec.args.at("u") == "${t}.tar");
}

TEST_CASE("the order of tables and keys in the file does not matter") {
  const BuildSpec a = read_spec("s",
                                "name=\"a\"\nbase.tarball=\"t\"\n[portage.package_use]\n"
                                "\"b/b\"=[\"x\"]\n\"a/a\"=[\"y\"]\n");
  const BuildSpec b = read_spec("s",
                                "name=\"a\"\n[portage.package_use]\n\"a/a\"=[\"y\"]\n"
                                "\"b/b\"=[\"x\"]\n[base]\ntarball=\"t\"\n");
  REQUIRE(a.portage.package_use.size() == b.portage.package_use.size());
  for (std::size_t i = 0; i < a.portage.package_use.size(); ++i)
    CHECK(a.portage.package_use[i].atom == b.portage.package_use[i].atom);
}

TEST_CASE("--set takes name=value, the value with all it holds") {
  CHECK(parse_override("a=b=c") == std::pair<std::string, std::string>("a", "b=c"));
  CHECK(parse_override("a=") == std::pair<std::string, std::string>("a", ""));
  CHECK_THROWS_WITH(parse_override("ab"), "'--set' needs 'name=value', not 'ab'");
  CHECK_THROWS_WITH(parse_override("=b"), "'--set' needs 'name=value', not '=b'");
}

TEST_CASE("a likely secret is a warning that does not show it") {
  const BuildSpec spec =
      read_spec("s.toml",
                "name=\"a\"\nbase.tarball=\"t\"\n[output.config.env]\nDB_PASSWORD=\"hunter2\"\n"
                "TOKEN_FILE=\"/run/secrets/token\"\nTOKENIZERS_PARALLELISM=\"false\"\n");
  REQUIRE(spec.warnings.size() == 1);
  CHECK(to_string(spec.warnings[0].where) == "s.toml:4:13");
  CHECK(spec.warnings[0].message ==
        "'env.DB_PASSWORD' looks like a secret and would be in the image");
  CHECK(spec.warnings[0].hint.find("hunter2") == std::string::npos);
}
