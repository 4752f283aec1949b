#include "challenge.h"

#include <algorithm>
#include <cctype>

namespace gbox::oci {

namespace {

constexpr std::size_t kMaxChallenges = 16;
constexpr std::size_t kMaxParameters = 64;

bool is_token(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~/").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

class ChallengeScanner {
 public:
  explicit ChallengeScanner(std::string_view text) : text_(text) {}

  std::vector<Challenge> run() {
    for (;;) {
      skip(" \t,");
      const std::string_view word = token();
      if (word.empty()) return std::move(found_);
      skip(" \t");
      if (!take('=')) {
        if (found_.size() == kMaxChallenges) return std::move(found_);
        found_.push_back({lower(word), {}});
        continue;
      }
      skip(" \t");
      std::string value;
      if (!read_value(value) || found_.empty() || found_.back().parameters.size() == kMaxParameters)
        return std::move(found_);
      found_.back().parameters.emplace(lower(word), std::move(value));  // the first one counts
    }
  }

 private:
  void skip(std::string_view what) {
    while (at_ < text_.size() && what.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view token() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_token(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool read_value(std::string& value) {
    if (!take('"')) {
      value = token();
      return !value.empty();
    }
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    return take('"');
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Challenge> found_;
};

}  // namespace

std::string Challenge::get(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view value) {
  return ChallengeScanner(value).run();
}

}  // namespace gbox::oci
