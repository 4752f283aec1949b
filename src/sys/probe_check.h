// The parts that the rules share: how a check is made, and what the host is besides.
#pragma once

#include <string>

#include "gbox/sys/probe_rules.h"

namespace gbox::sys {

inline constexpr char kNoImages[] = "building and running images";
inline constexpr char kSlowRoots[] =
    "time and space: each chain of steps works on a copy of all its files";
inline constexpr char kFuseRoots[] = "time: what a step does to files goes through another program";
inline constexpr char kNoOwners[] =
    "speed, as owners are emulated, and what gbox(1) names under 'single-id'";

Check ok(std::string name, std::string reason);
Check lack(std::string name, Level at_most, std::string reason, std::string remedy,
           std::string lost);
std::string said(int error_number);  // strerror(3)
std::string shown_user(const HostFacts& facts);

bool is_gvisor(const HostFacts& facts);
bool is_wsl1(const HostFacts& facts);
// Whether a release such as "5.10.0-28-amd64" is below major.minor; no when it cannot be read.
bool older_than(const std::string& release, int major, int minor);

// Of the store's file system (probe_rules_store.cc).
Check judge_store(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store);
Check judge_overlay(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store);
// Of what may stand in for it. The deeds must have been tried.
inline constexpr char kFuseCheck[] = "fuse-overlay";
Check judge_fuse(const HostFacts& facts, const Deeds& deeds);
inline constexpr char kStoreExecuteCheck[] = "store-execute";
Check judge_store_execute(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store);

}  // namespace gbox::sys
