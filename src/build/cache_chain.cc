#include "cache_chain.h"

namespace gbox::build {

namespace {

constexpr char kChainFormat[] = "gbox cache mount 1";
constexpr char kPrefix[] = "cache:";

}  // namespace

std::string cache_key(const std::string& id) {
  return sha256(std::string(kChainFormat) + '\n' + id).hex();
}

std::string cache_step(const std::string& id) {
  return kPrefix + id;
}

std::string cache_id(const store::Record& record) {
  if (record.kind != kCacheKind || !record.step.starts_with(kPrefix)) return {};
  return record.step.substr(sizeof kPrefix - 1);
}

std::vector<std::string> cache_chain(store::Store& store, const std::string& id) {
  const auto record = store.find_record(cache_key(id));
  if (!record) return {};
  std::vector<std::string> chain = record->parents;
  chain.push_back(record->snapshot);
  return chain;
}

store::Record blank_cache_record(const std::string& id) {
  store::Record record;
  record.key = cache_key(id);
  record.step = cache_step(id);
  record.kind = kCacheKind;
  record.parts = Json::array();
  return record;
}

}  // namespace gbox::build
