#include "secrets.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

std::string value_of(const SecretSource& source) {
  const std::string option = "--secret id=" + source.id;
  if (!source.variable.empty()) {
    const char* value = std::getenv(source.variable.c_str());
    if (value == nullptr)
      throw Error(option + ": the variable " + quoted(source.variable) + " is not set",
                  ExitCode::usage);
    return value;
  }
  return with_context(option, [&] {
    auto text = sys::try_read_file(AT_FDCWD, source.file, kLongestSecret + 1);
    if (!text)
      throw Error("there is no file " + quoted(source.file), ExitCode::input)
          .set_hint("name the file that holds the secret");
    return std::move(*text);
  });
}

bool holds_one(std::string_view text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return ::memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
  });
}

// A file of any size, mapped while it is searched.
bool file_holds_one(int fd, std::size_t size, const std::vector<std::string>& words) {
  if (size == 0) return false;
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) throw SysError(errno, "search for secrets");
  const bool found = holds_one({static_cast<const char*>(memory), size}, words);
  (void)::munmap(memory, size);  // ours, and mapped
  return found;
}

class Search {
 public:
  explicit Search(const std::vector<std::string>& words) : words_(words) {}

  void directory(int dirfd, const std::string& prefix) {
    for (const std::string& name : sys::list_directory(dirfd, prefix)) {
      sys::check_interrupt();
      const std::string path = prefix.empty() ? name : prefix + '/' + name;
      const struct stat status = sys::fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
      if (holds_one(name, words_) || entry_holds_one(dirfd, name, status)) found.push_back(path);
      if (S_ISDIR(status.st_mode))
        directory(sys::openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get(), path);
    }
  }

  std::vector<std::string> found;

 private:
  bool entry_holds_one(int dirfd, const std::string& name, const struct stat& status) const {
    if (S_ISLNK(status.st_mode)) return holds_one(sys::readlinkat(dirfd, name), words_);
    if (!S_ISREG(status.st_mode)) return false;
    const sys::Fd fd = sys::openat(dirfd, name, O_RDONLY | O_NOFOLLOW);
    return file_holds_one(fd.get(), static_cast<std::size_t>(status.st_size), words_);
  }

  const std::vector<std::string>& words_;
};

}  // namespace

Secrets read_secrets(const std::vector<SecretSource>& sources) {
  Secrets secrets;
  for (const SecretSource& source : sources) {
    std::string value = value_of(source);
    const std::string option = "--secret id=" + source.id;
    if (trim(value).size() < kShortestSecret)
      throw Error(option + ": it is shorter than " + std::to_string(kShortestSecret) +
                      " bytes, which could not be told from other text in a log",
                  ExitCode::usage);
    if (value.size() > kLongestSecret)
      throw Error(option + ": it is larger than " + human_size(kLongestSecret), ExitCode::usage);
    if (!secrets.emplace(source.id, std::move(value)).second)
      throw Error(option + ": given twice", ExitCode::usage);
  }
  return secrets;
}

std::vector<std::string> secret_words(const Secrets& secrets) {
  std::vector<std::string> words;
  for (const auto& [id, value] : secrets)
    for (const std::string& line : split(value, '\n'))
      if (const std::string_view word = trim(line); word.size() >= kShortestSecret)
        words.emplace_back(word);
  // One that holds another is replaced first.
  std::sort(words.begin(), words.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

Redactor::Redactor(std::vector<std::string> words, std::function<void(std::string_view)> out)
    : words_(std::move(words)), out_(std::move(out)) {}

void Redactor::replace() {
  constexpr std::string_view kMark = "***";
  for (const std::string& word : words_)
    for (std::size_t at = held_.find(word); at != std::string::npos;
         at = held_.find(word, at + kMark.size()))
      held_.replace(at, word.size(), kMark);
}

void Redactor::add(std::string_view text) {
  if (words_.empty()) return out_(text);
  held_ += text;
  std::size_t ready = held_.rfind('\n') + 1;  // 0 when there is none
  if (ready == 0 && held_.size() < 2 * kLongestSecret) return;
  std::string rest;
  if (ready != 0) {
    rest = held_.substr(ready);
    held_.resize(ready);
    replace();
  } else {
    replace();  // then no word ends in here, and one may begin among the last bytes
    ready = held_.size() - std::min(held_.size(), words_.front().size() - 1);
    rest = held_.substr(ready);
    held_.resize(ready);
  }
  out_(held_);
  held_ = std::move(rest);
}

void Redactor::finish() {
  if (held_.empty()) return;
  replace();
  out_(std::exchange(held_, {}));
}

std::vector<std::string> files_with_secrets(int dirfd, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  Search search(words);
  search.directory(dirfd, "");
  return std::move(search.found);
}

}  // namespace gbox::build
