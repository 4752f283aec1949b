// 'Packages', the index of a binary package repository (make.conf(5) on PKGDIR), as gbox writes it:
// entries of "NAME: VALUE" lines with a blank line between them, the header first. Pure. What comes
// in is outside text; what goes out has one field a line and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gbox::build {

// Of one entry, or of the header.
using IndexFields = std::vector<std::pair<std::string, std::string>>;

struct PackageIndex {
  IndexFields header;
  std::vector<IndexFields> entries;
};

// Lines that are no field, and the later ones of a name, are dropped.
IndexFields parse_fields(std::string_view text);
PackageIndex parse_package_index(std::string_view text);

// "" when there is none.
std::string field(const IndexFields& fields, std::string_view name);
// In place of an earlier one.
void set_field(IndexFields& fields, std::string_view name, std::string value);

// Entries by name and build id; VERSION, PACKAGES and TIMESTAMP are set.
std::string index_text(PackageIndex index, std::int64_t timestamp);

// Where FEATURES=binpkg-multi-instance has the build number `id` of a package whose file is called
// `file` elsewhere: "dev-lang/php/php-8.3.1-r1-2.gpkg.tar". Portage takes the build id out of the
// name, whatever the file itself says. "" for names that are no package's.
std::string instance_path(const std::string& cpv, const std::string& file, unsigned id);
// The build id in the name of that file; 0: it has none.
unsigned instance_id(const std::string& cpv, const std::string& path);

}  // namespace gbox::build
