// What need not be computed again: a value, and the state of its subject that it holds for.
//   memo/HEX.json  {"version": 1, "subject", "state", "value"}; HEX is the SHA-256 of the subject,
//                  mtime is when it was last of use
#include "formats.h"
#include "gbox/base/json.h"
#include "gbox/sys/file.h"
#include "impl.h"

namespace gbox::store {

namespace {

constexpr std::uint64_t kMemoVersion = 1;
constexpr std::string_view kWhat = "memo";

std::string memo_file(std::string_view subject) {
  return "memo/" + sha256(subject).hex() + ".json";
}

}  // namespace

std::optional<std::string> Store::find_memo(std::string_view subject, std::string_view state) {
  const std::string file = memo_file(subject);
  try {
    const auto text = sys::try_read_file(fd(), file);
    if (!text) return std::nullopt;
    const Json memo = parse_json(*text, kWhat);
    if (json_size(memo, "version", kWhat) != kMemoVersion ||
        json_string(memo, "subject", kWhat) != subject ||
        json_string(memo, "state", kWhat) != state)
      return std::nullopt;
    (void)stamp(fd(), file);  // only its age is lost without it
    return json_string(memo, "value", kWhat);
  } catch (const Error&) {
    return std::nullopt;  // to be put anew
  }
}

void Store::put_memo(std::string_view subject, std::string_view state, std::string_view value) {
  const Json memo = {
      {"version", kMemoVersion}, {"subject", subject}, {"state", state}, {"value", value}};
  // A power cut leaves none or a torn one, which is none.
  sys::write_file_atomically(fd(), memo_file(subject), canonical_json(memo), 0600,
                             sys::Durable::no);
}

}  // namespace gbox::store
