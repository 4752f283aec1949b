#include "gbox/net/transfer.h"

#include <algorithm>
#include <cstdlib>

#include "gbox/base/text.h"
#include "loop.h"

namespace gbox::net {

namespace {

void check_file_name(const Transfer& transfer) {
  const std::string& file = transfer.file;
  if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos ||
      file.find('\0') != std::string::npos)
    throw Error("fetch " + quoted(transfer.name) + ": " + quoted(file) + " is no file name",
                ExitCode::input);
}

struct Text {
  Fetched result;
  std::string text;
};

Text fetch_into_memory(std::span<const std::string> urls, std::string_view name,
                       const Settings& settings, std::uint64_t max_bytes) {
  const Transfer transfer{
      .urls = {urls.begin(), urls.end()}, .name = std::string(name), .max_bytes = max_bytes};
  Session session(settings);
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<Job>(session, transfer, -1));
  run(session, jobs);
  const Job& job = *jobs.front();
  return {job.result(), job.result().ok ? job.text() : ""};
}

FetchedText required(Text text) {
  Fetched& result = text.result;
  require({&result, 1}, "");
  return {.text = std::move(text.text),
          .requested_url = std::move(result.requested_url),
          .url = std::move(result.url),
          .date = result.date,
          .last_modified = result.last_modified,
          .failures = std::move(result.failures)};
}

}  // namespace

Settings Settings::from_environment() {
  Settings settings;
  if (const char* bundle = std::getenv("SSL_CERT_FILE")) settings.ca_bundle = bundle;
  return settings;
}

std::vector<Fetched> fetch_all(int dirfd, std::span<const Transfer> transfers,
                               const Settings& settings) {
  for (const Transfer& transfer : transfers) check_file_name(transfer);
  Session session(settings);
  std::vector<std::unique_ptr<Job>> jobs;  // after the session, which must outlive them
  for (const Transfer& transfer : transfers)
    jobs.push_back(std::make_unique<Job>(session, transfer, dirfd));
  run(session, jobs);
  std::vector<Fetched> results;
  for (const auto& job : jobs) results.push_back(job->result());
  return results;
}

std::optional<FetchedText> try_fetch_text(std::span<const std::string> urls, std::string_view name,
                                          const Settings& settings, std::uint64_t max_bytes) {
  Text text = fetch_into_memory(urls, name, settings, max_bytes);
  const std::vector<Failure>& failures = text.result.failures;
  if (!text.result.ok && !failures.empty() &&
      std::all_of(failures.begin(), failures.end(),
                  [](const Failure& failure) { return failure.cause == Cause::not_found; }))
    return std::nullopt;
  return required(std::move(text));
}

FetchedText fetch_text(std::span<const std::string> urls, std::string_view name,
                       const Settings& settings, std::uint64_t max_bytes) {
  return required(fetch_into_memory(urls, name, settings, max_bytes));
}

}  // namespace gbox::net
