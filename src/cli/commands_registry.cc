// `gbox push` and `gbox pull`: images between layouts and registries.
#include "commands.h"
#include "gbox/base/text.h"
#include "gbox/build/registries.h"
#include "gbox/oci/pull.h"
#include "gbox/oci/push.h"

namespace gbox::cli {

namespace {

oci::RegistryOptions options_of(const RegistryArgs& args, Console& console) {
  return build::registry_options(args.ca, args.plain_http, console.progress());
}

std::string blobs(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " blob" : " blobs");
}

oci::Platform parse_platform(const std::string& text) {
  const std::vector<std::string> parts = split(text, '/');
  const bool complete = (parts.size() == 2 || parts.size() == 3) &&
                        std::none_of(parts.begin(), parts.end(),
                                     [](const std::string& part) { return part.empty(); });
  if (!complete)
    throw Error("option '--platform': " + quoted(text) + " is no platform", ExitCode::usage)
        .set_hint("such as 'linux/amd64' or 'linux/arm/v7'");
  return {parts[0], parts[1], parts.size() == 3 ? parts[2] : ""};
}

}  // namespace

int cmd_push(const PushArgs& args, Console& console) {
  oci::PushRequest request;
  for (const std::string& source : args.sources)
    request.sources.push_back(oci::parse_source(source));
  for (const std::string& target : args.targets)
    request.targets.push_back(oci::parse_registry(target, "push"));
  request.registry = options_of(args.registry, console);
  request.progress = [&](const std::string& what, std::uint64_t done, std::uint64_t total) {
    console.progress().progress(what, done, total);
  };
  const oci::PushSummary summary = oci::push(request);
  std::string text = blobs(summary.sent) + " sent (" + human_size(summary.sent_bytes) + ')';
  if (summary.mounted != 0) text += ", " + std::to_string(summary.mounted) + " taken over there";
  text += ", " + std::to_string(summary.there) + " were there";
  if (summary.referrers != 0)
    text += ", " + std::to_string(summary.referrers) + " documents about it";
  console.progress().fact("push", text);
  for (const oci::RegistryReference& target : request.targets)
    console.result_line(oci::to_string(target) + ' ' + summary.digest.to_string());
  return 0;
}

int cmd_pull(const PullArgs& args, Console& console) {
  oci::PullRequest request;
  request.source = oci::parse_registry(args.source, "pull");
  const std::string& repository = request.source.repository;
  request.target = oci::parse_output(
      args.target.empty() ? "oci:" + repository.substr(repository.rfind('/') + 1) : args.target);
  if (!args.platform.empty()) request.platform = parse_platform(args.platform);
  request.all = args.all;
  request.others = args.append ? oci::Others::keep : oci::Others::refuse;
  request.registry = options_of(args.registry, console);
  request.warnings = &console.progress();
  request.progress = [&](const std::string& what, std::uint64_t done, std::uint64_t total) {
    console.progress().progress(what, done, total);
  };
  const oci::PullSummary summary = oci::pull(request);
  console.progress().fact("pull", blobs(summary.fetched) + " fetched (" +
                                      human_size(summary.fetched_bytes) + "), " +
                                      std::to_string(summary.kept) + " were there");
  console.result_line(oci::to_string(request.target) + ' ' + summary.digest.to_string());
  return 0;
}

}  // namespace gbox::cli
