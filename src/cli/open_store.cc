#include "open_store.h"

#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"

namespace gbox::cli {

store::Store open_store(const StoreArgs& args, Console& console) {
  return store::Store::open(args.directory, sys::describe(sys::current_uid_map()),
                            console.progress(), store::Purpose::inspect);
}

bool is_cache(const store::Record& record) {
  return record.kind == "cache";
}

std::uint64_t kept_bytes(const store::Store& store, const store::Record& record) {
  std::uint64_t bytes = record.size_bytes;
  if (!is_cache(record)) return bytes;
  for (const std::string& parent : record.parents)
    if (const auto info = store.snapshot_info(parent)) bytes += info->size_bytes;
  return bytes;
}

}  // namespace gbox::cli
