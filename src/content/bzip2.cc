#include "bzip2.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <memory>

namespace gbox::content {

namespace {

struct FreeRead {
  void operator()(archive* each) const { archive_read_free(each); }
};
struct FreeWrite {
  void operator()(archive* each) const { archive_write_free(each); }
};
struct FreeEntry {
  void operator()(archive_entry* each) const { archive_entry_free(each); }
};

constexpr std::size_t kBlock = 64u << 10;

la_ssize_t append(archive*, void* into, const void* bytes, std::size_t size) {
  static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

std::optional<std::string> try_bunzip2(std::string_view packed, std::size_t limit) {
  const std::unique_ptr<archive, FreeRead> reader(archive_read_new());
  archive_entry* entry = nullptr;
  if (!reader || archive_read_support_filter_bzip2(reader.get()) != ARCHIVE_OK ||
      archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), packed.data(), packed.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK ||
      // Anything else would pass as it is.
      archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_BZIP2)
    return std::nullopt;
  std::string plain;
  std::string block(kBlock, '\0');
  for (;;) {
    const la_ssize_t count = archive_read_data(reader.get(), block.data(), block.size());
    if (count < 0) return std::nullopt;
    if (count == 0) return plain;
    plain.append(block, 0, static_cast<std::size_t>(count));
    if (plain.size() > limit) return std::nullopt;
  }
}

std::optional<std::string> try_bzip2(std::string_view plain) {
  const std::unique_ptr<archive, FreeWrite> writer(archive_write_new());
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  std::string packed;
  if (!writer || !entry) return std::nullopt;
  archive_entry_set_filetype(entry.get(), S_IFREG);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(plain.size()));
  archive_entry_set_pathname(entry.get(), "data");
  if (archive_write_set_format_raw(writer.get()) != ARCHIVE_OK ||
      archive_write_add_filter_bzip2(writer.get()) != ARCHIVE_OK ||
      // No padding to tape blocks behind the stream.
      archive_write_set_bytes_in_last_block(writer.get(), 1) != ARCHIVE_OK ||
      archive_write_open(writer.get(), &packed, nullptr, append, nullptr) != ARCHIVE_OK ||
      archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK ||
      archive_write_data(writer.get(), plain.data(), plain.size()) !=
          static_cast<la_ssize_t>(plain.size()) ||
      archive_write_close(writer.get()) != ARCHIVE_OK)
    return std::nullopt;
  return packed;
}

}  // namespace gbox::content
