#include "search_program.h"

#include <span>

namespace gbox::sandbox {

namespace {

constexpr std::size_t kLongestConditionalJump = 255;  // instructions; 'ja' reaches any distance

Program search(std::span<const std::uint32_t> bounds, std::span<const Program> ends) {
  if (bounds.empty()) return ends.front();
  const std::size_t middle = bounds.size() / 2;
  const Program low = search(bounds.first(middle), ends.first(middle + 1));
  Program program;
  if (low.size() <= kLongestConditionalJump) {
    program.push_back(
        {BPF_JMP | BPF_JGE | BPF_K, static_cast<std::uint8_t>(low.size()), 0, bounds[middle]});
  } else {
    program.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 1, bounds[middle]});
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(low.size())));
  }
  append(program, low);
  append(program, search(bounds.subspan(middle + 1), ends.subspan(middle + 1)));
  return program;
}

}  // namespace

sock_filter statement(unsigned code, std::uint32_t value) {
  return {static_cast<std::uint16_t>(code), 0, 0, value};
}

void append(Program& program, const Program& more) {
  program.insert(program.end(), more.begin(), more.end());
}

Program search_program(const std::vector<std::uint32_t>& bounds, const std::vector<Program>& ends) {
  return search(bounds, ends);
}

}  // namespace gbox::sandbox
