// The files of a layout by name ("index.json", "blobs/sha256/…"), whether it is a directory or an
// archive. Symbolic links and special files are as good as absent or refused, never followed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gbox/oci/blob.h"
#include "gbox/oci/location.h"

namespace gbox::oci {

inline constexpr std::string_view kLayoutFile = "oci-layout";
inline constexpr std::string_view kIndexFile = "index.json";
inline constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";

class LayoutFiles {
 public:
  virtual ~LayoutFiles() = default;
  // nullopt when there is no such name. Throws Error (input) on what is no regular file.
  [[nodiscard]] virtual std::optional<BlobFile> try_open(const std::string& name) const = 0;
  // Names of all files below blobs/, in byte order.
  [[nodiscard]] virtual std::vector<std::string> list_blobs() const = 0;
};

// Throws Error (input) when there is nothing, or something of the wrong kind.
std::unique_ptr<LayoutFiles> open_files(const ImageLocation& location);

std::string blob_name(const Digest& digest);  // "blobs/sha256/<hex>"

// The whole small file, or nullopt; throws when it has more than kMaxDocumentBytes.
std::optional<std::string> try_read_text(const LayoutFiles& files, const std::string& name);

// Checks 'oci-layout' and parses 'index.json'. Throws Error (input).
Index read_index(const LayoutFiles& files);

// The name a descriptor goes by, or "".
std::string ref_name_of(const Descriptor& descriptor);

}  // namespace gbox::oci
