// Single formats with a time, a number or an order inside, rewritten so that the making does not
// show. Pure text in, text out. What is not of the format, or is damaged, comes back as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gbox::content {

// What stands for a time; one that needs no replacement is returned as it is.
using TimeRule = std::function<std::int64_t(std::int64_t own)>;

// Python's bytecode (PEP 552): the time of the source, where the file goes by that.
void rewrite_bytecode(std::string& content, const TimeRule& rule);
// RFC 1952: MTIME of the first member.
void rewrite_gzip(std::string& content, const TimeRule& rule);
// ar(5): the times of members.
void rewrite_archive(std::string& content, const TimeRule& rule);
// shadow(5): the day of the last change of a password.
void rewrite_shadow(std::string& content, const TimeRule& rule);
// Lines in byte order, each once.
void rewrite_sorted(std::string& content);
// environment.bz2 of an installed package: without what differs from one build to the next though
// nothing of it is used again.
void rewrite_environment(std::string& content);
// Portage's registry of preserved libraries: the numbers of merges.
void rewrite_registry(std::string& content,
                      const std::function<std::uint32_t(std::string_view cpv)>& counter);

// Where the source of a bytecode file lies: "a/b.py" of "a/__pycache__/b.cpython-311.opt-1.pyc".
std::string source_of_bytecode(std::string_view path);

}  // namespace gbox::content
