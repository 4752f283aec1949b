#include "repo_files.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"

namespace gbox::portage {

namespace {

void read_lines_into(int dirfd, const std::string& path, unsigned depth, std::vector<Line>& lines) {
  const auto fd = try_open_in(dirfd, path, O_RDONLY | O_NONBLOCK);
  if (!fd) return;
  const mode_t mode = sys::fstat(fd->get()).st_mode;
  if (S_ISDIR(mode)) {
    if (depth >= kMaxRepositoryFileDepth) return;
    for (const std::string& name : list_in(dirfd, path))
      if (!name.starts_with('.') && !name.ends_with('~'))  // as Portage leaves out
        read_lines_into(dirfd, path + '/' + name, depth + 1, lines);
    return;
  }
  if (const auto text = try_read_in(dirfd, path)) {
    std::vector<Line> more = lines_of(*text, path);
    std::move(more.begin(), more.end(), std::back_inserter(lines));
  }
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

// Reads one file of assignments; keeps no state but its place.
class VariableReader {
 public:
  VariableReader(std::string_view text, Variables& known) : text_(text), known_(known) {}

  Variables read() {
    Variables found;
    while (skip_to_word()) {
      const std::string name = take_name();
      if (name == "export") continue;
      if (name.empty() || peek() != '=') {
        skip_line();
        continue;
      }
      ++at_;
      found[name] = take_value();
      known_[name] = found[name];
    }
    return found;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  bool skip_to_word() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        skip_line();
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  std::string take_name() {
    const std::size_t start = at_;
    if (is_name_start(peek()))
      while (is_name(peek())) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  // "$NAME" or "${NAME}", at the '$'. A '$' before anything else is a '$'.
  void expand(std::string& value) {
    ++at_;
    const bool braced = peek() == '{';
    const std::size_t start = at_;
    if (braced) ++at_;
    const std::string name = take_name();
    if (name.empty() || (braced && peek() != '}')) {
      at_ = start;
      value += '$';
      return;
    }
    if (braced) ++at_;
    if (const auto found = known_.find(name); found != known_.end()) {
      // References may double what they refer to: a few lines could ask for gigabytes.
      expanded_bytes_ += found->second.size();
      if (expanded_bytes_ > kMaxRepositoryFileBytes)
        throw Error("references to variables such as " + quoted(name) + " expand to more than " +
                        human_size(kMaxRepositoryFileBytes),
                    ExitCode::input);
      value += found->second;
    }
  }

  void take_double_quoted(std::string& value) {
    ++at_;
    while (at_ < text_.size() && peek() != '"') {
      if (peek() == '$') {
        expand(value);
      } else if (peek() == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        at_ += 2;
        if (next == '\n') continue;
        if (next != '"' && next != '\\' && next != '$') value += '\\';
        value += next;
      } else {
        value += text_[at_++];
      }
    }
    ++at_;
  }

  std::string take_value() {
    std::string value;
    while (at_ < text_.size()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') break;
      if (c == '"') {
        take_double_quoted(value);
      } else if (c == '\'') {
        const std::size_t end = std::min(text_.find('\'', at_ + 1), text_.size());
        value += text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
      } else if (c == '$') {
        expand(value);
      } else {
        value += c;
        ++at_;
      }
    }
    at_ = std::min(at_, text_.size());
    return value;
  }

  std::string_view text_;
  Variables& known_;
  std::size_t at_ = 0;
  std::uint64_t expanded_bytes_ = 0;
};

}  // namespace

std::optional<sys::Fd> try_open_in(int dirfd, const std::string& path, int flags) {
  try {
    return sys::try_open_beneath(dirfd, path, flags, sys::Resolve::beneath);
  } catch (const SysError&) {
    throw;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<std::string> try_read_in(int dirfd, const std::string& path) {
  const auto fd = try_open_in(dirfd, path, O_RDONLY | O_NONBLOCK);
  if (!fd) return std::nullopt;
  const struct stat status = sys::fstat(fd->get());
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > kMaxRepositoryFileBytes)
    throw Error(quoted(path) + " has " + human_size(size) + ", more than the " +
                    human_size(kMaxRepositoryFileBytes) + " that are read",
                ExitCode::input);
  std::string content(static_cast<std::size_t>(size), '\0');
  content.resize(sys::read_full(fd->get(), std::as_writable_bytes(std::span(content)), path));
  return content;
}

std::vector<std::string> list_in(int dirfd, const std::string& path) {
  const auto directory = try_open_in(dirfd, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return {};
  std::vector<std::string> names = sys::list_directory(directory->get(), path);
  if (names.size() > kMaxDirectoryEntries)
    throw Error("directory " + quoted(path) + " has more than " +
                    std::to_string(kMaxDirectoryEntries) + " entries",
                ExitCode::input);
  return names;
}

std::vector<Line> lines_of(std::string_view text, const std::string& file) {
  std::vector<Line> lines;
  unsigned number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string> words = split_words(line);
    const auto comment = std::find_if(
        words.begin(), words.end(), [](const std::string& word) { return word.starts_with('#'); });
    words.erase(comment, words.end());
    lines.push_back({std::move(words), {file, number, 0}});
  }
  return lines;
}

std::vector<Line> read_lines(int dirfd, const std::string& path) {
  std::vector<Line> lines;
  read_lines_into(dirfd, path, 0, lines);
  return lines;
}

std::vector<PackageLine> read_package_lines(int dirfd, const std::string& path) {
  std::vector<PackageLine> result;
  for (Line& line : read_lines(dirfd, path)) {
    std::string_view text = line.words.front();
    const bool removal = text.starts_with('-');
    if (removal) text.remove_prefix(1);
    auto atom = parse_atom(text);
    if (!atom || atom->category.empty()) continue;
    line.words.erase(line.words.begin());
    result.push_back({std::move(*atom), removal, std::move(line.words), std::move(line.where)});
  }
  return result;
}

Variables parse_variables(std::string_view text, Variables& known) {
  return VariableReader(text, known).read();
}

void stack_words(std::vector<std::string>& list, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "-*") {
      list.clear();
    } else if (word.starts_with('-')) {
      std::erase(list, word.substr(1));
    } else if (std::find(list.begin(), list.end(), word) == list.end()) {
      list.push_back(word);
    }
  }
}

}  // namespace gbox::portage
