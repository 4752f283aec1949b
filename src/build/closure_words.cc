#include "closure_words.h"

#include "gbox/base/text.h"

namespace gbox::build {

namespace {

using content::Finding;

constexpr std::string_view kAllow = "'allow' of [output.check]";

std::string more(const Finding& finding, const char* one = ", as does ",
                 const char* several = ", as do ") {
  const std::size_t count = finding.files.size();
  if (count < 2) return {};
  if (count == 2) return one + quoted(finding.files[1]);
  return several + quoted(finding.files[1]) +
         (count == 3 ? " and 1 more" : " and " + std::to_string(count - 2) + " more");
}

std::string named(const std::string& path, const Inquiry& inquiry) {
  const std::string owner = inquiry.owner(path);
  return quoted(path) + (owner.empty() ? "" : " (" + owner + ')');
}

std::string sentence(const Finding& finding, const Inquiry& inquiry) {
  const std::string what = quoted(finding.needs);
  const std::string first = finding.files.empty() ? "" : named(finding.files.front(), inquiry);
  std::string lacks = ", which is not in the image";
  if (!finding.elsewhere.empty())
    lacks = finding.elsewhere_why.empty()
                ? ", which is only where the loader does not look: " + quoted(finding.elsewhere)
                : ", which is not in the image (" + quoted(finding.elsewhere) + " is for " +
                      finding.elsewhere_why + ')';
  const std::string others = more(finding);
  switch (finding.kind) {
    case Finding::Kind::library:
      return first + " needs " + what + lacks + others +
             (finding.reason.empty() ? "" : "; " + finding.reason);
    case Finding::Kind::loader:
      if (first.empty()) return what + " is no program of the image";
      return first + " is loaded by " + what + lacks + others;
    case Finding::Kind::interpreter:
      return first + " is a script for " + what + lacks + others;
    case Finding::Kind::link:
      if (!finding.reason.empty()) return "the link " + first + ' ' + finding.reason;
      return "the link " + first + " leads to " + what + lacks + others;
    case Finding::Kind::loaded:
      return first + " will load " + what + lacks + others + ": " + finding.reason;
    case Finding::Kind::data:
      return what + " is not in the image: " + finding.reason;
    case Finding::Kind::machine:
      return first + " is for " + what + ", the image's other programs are for " +
             quoted(finding.reason) + more(finding, ", as is ", ", as are ");
  }
  return what + lacks;
}

std::string package_of_data(const std::string& path) {
  if (path.find("ca-certificates") != std::string::npos) return "app-misc/ca-certificates";
  if (path.find("/gconv/") != std::string::npos) return "sys-libs/glibc";
  if (path.find("zoneinfo") != std::string::npos) return "sys-libs/timezone-data";
  return {};
}

std::string remedy(const Finding& finding, const std::string& root, const Inquiry& inquiry) {
  if (finding.kind == Finding::Kind::machine)
    return "put what is built for " + quoted(finding.reason) + " in its place, remove it, or add " +
           quoted(finding.files.front()) + " to " + std::string(kAllow);
  const std::string allow = "add " + quoted(finding.needs) + " to " + std::string(kAllow);
  if (finding.made_by == "locale-gen")
    return "name it in '/etc/locale.gen' and run 'locale-gen' in a phase, or " + allow;
  if (!finding.elsewhere.empty() && finding.elsewhere_why.empty())
    return "name its directory in '/etc/ld.so.conf.d' and run 'ldconfig', or give the image "
           "LD_LIBRARY_PATH in [output.config]; or " +
           allow;
  const auto [package, path] = inquiry.provider(finding.needs);
  std::string at = path;
  // Where libraries are when nobody knows better.
  if (at.empty() && finding.needs.starts_with('/')) at = finding.needs;
  if (at.empty()) at = "/usr/lib64/" + finding.needs;
  if (const std::string phase = inquiry.remover(at); !phase.empty())
    return "phase " + quoted(phase) + " took " + quoted(at) + " out" +
           (package.empty() ? "" : ", which " + quoted(package) + " had brought") +
           ": keep it, remove what needs it, or " + allow;
  if (!finding.made_by.empty())
    return "run " + quoted(finding.made_by) + " in a phase: what it reads is there; or " + allow;
  const std::string where = root == "/" ? "" : " into " + quoted(root);
  if (!package.empty())
    return "merge " + quoted(package) + where + ", which brings " +
           quoted(path.empty() ? finding.needs : path) + "; or remove what needs it, or " + allow;
  if (finding.kind == Finding::Kind::link && finding.files.size() == 1)
    return "add " + quoted(finding.files.front()) + " to 'remove' of a phase, or to " +
           std::string(kAllow);
  if (const std::string data = package_of_data(finding.needs); !data.empty())
    return "merge " + quoted(data) + where + ", or " + allow;
  return "merge what brings it" + where + ", remove what needs it, or " + allow;
}

}  // namespace

SpecFault words_of(const Finding& finding, const std::string& root, const Inquiry& inquiry) {
  return {{}, "check image: " + sentence(finding, inquiry), remedy(finding, root, inquiry)};
}

ClosureWords words_of(const content::ClosureReport& report, const std::string& root,
                      const Inquiry& inquiry) {
  ClosureWords words;
  std::size_t untold = 0;
  for (const Finding& finding : report.findings) {
    if (finding.weight == Finding::Weight::warning) {
      SpecFault fault = words_of(finding, root, inquiry);
      words.warnings.push_back({std::move(fault.message), std::move(fault.hint)});
    } else if (words.faults.size() < kMaxToldFindings) {
      words.faults.push_back(words_of(finding, root, inquiry));
    } else {
      ++untold;
    }
  }
  if (untold != 0)
    words.faults.push_back(
        {{},
         "check image: " + std::to_string(untold) + " more things are lacking in the same way",
         "mend these first; what is finished is in the store"});
  return words;
}

}  // namespace gbox::build
