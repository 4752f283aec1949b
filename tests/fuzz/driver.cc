// Runs a fuzz target without libFuzzer, whose interface the targets have: each file of a corpus as
// it is, then mutations of them for some seconds. Under the sanitizers of the unit tests it finds
// what crashes, reads astray or throws what is no gbox::Error; without coverage it learns nothing,
// which is what the long run by tests/fuzz/run is for.
//
// usage: fuzz_NAME [--seconds N] [--seed N] [--keep FILE] PATH…
//   PATH      a file, or a directory of files
//   --keep    where the input is written before it is run, so that it survives a crash
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::string;

constexpr std::size_t kLongest = 64u << 10;

Input read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Input> read_corpus(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (std::filesystem::is_directory(path))
      for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    else
      files.emplace_back(path);
  }
  std::sort(files.begin(), files.end());  // directories have no order
  std::vector<Input> corpus;
  for (const auto& file : files) corpus.push_back(read(file));
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<Input>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Input next() {
    Input input = any_of(corpus_);
    for (std::size_t count = 1 + below(6); count > 0; --count) change(input);
    if (input.size() > kLongest) input.resize(kLongest);
    return input;
  }

 private:
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  const Input& any_of(const std::vector<Input>& inputs) { return inputs[below(inputs.size())]; }

  void change(Input& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t most = input.size() - at;
    switch (below(7)) {
      case 0:  // one bit
        if (most > 0) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:  // one byte, often a telling one
        if (most > 0) input[at] = kTelling[below(sizeof kTelling - 1)];
        break;
      case 2:
        input.insert(at, 1 + below(8), kTelling[below(sizeof kTelling - 1)]);
        break;
      case 3:
        if (most > 0) input.erase(at, 1 + below(std::min<std::size_t>(most, 64)));
        break;
      case 4: {  // a piece of another one
        const Input& other = any_of(corpus_);
        if (other.empty()) break;
        const std::size_t from = below(other.size());
        input.insert(at, other, from, 1 + below(std::min<std::size_t>(other.size() - from, 512)));
        break;
      }
      case 5:  // a piece of itself again
        if (most > 0)
          input.insert(at, input.substr(at, 1 + below(std::min<std::size_t>(most, 512))));
        break;
      default:
        input.resize(at);
    }
  }

  static constexpr char kTelling[] = "\0\xff\x7f\x80 \n\r\t\"'\\/.-+%{}[]()<>=:,;#09aAzZ@*~$`";

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_;
};

[[noreturn]] void usage() {
  std::fputs("usage: fuzz_NAME [--seconds N] [--seed N] [--keep FILE] PATH...\n", stderr);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  long seconds = 0;
  std::uint64_t seed = std::random_device{}();
  std::string keep;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--") && i + 1 == argc) usage();
    if (word == "--seconds")
      seconds = std::strtol(argv[++i], nullptr, 10);
    else if (word == "--seed")
      seed = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--keep")
      keep = argv[++i];
    else
      paths.push_back(word);
  }
  const std::vector<Input> corpus = read_corpus(paths);
  if (corpus.empty()) usage();
  const auto run = [&](const Input& input) {
    if (!keep.empty()) std::ofstream(keep, std::ios::binary | std::ios::trunc) << input;
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  for (const Input& input : corpus) run(input);
  std::uint64_t mutated = 0;
  Mutator mutator(corpus, seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    run(mutator.next());
    ++mutated;
  }
  std::printf("%zu inputs, %llu mutations, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(mutated), static_cast<unsigned long long>(seed));
  return 0;
}
