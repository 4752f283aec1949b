// From a spec's names to the lock: which stage3, snapshot and commit they mean, what they weigh and
// whose word that is. What the lock has already is not asked again.
#pragma once

#include <set>
#include <string>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/spec/lock.h"
#include "gbox/spec/spec.h"
#include "gbox/store/store.h"
#include "git_tree.h"
#include "inputs.h"
#include "sources.h"

namespace gbox::build {

// What `inputs.spec` asks for, from `old` where that answers the same wish and `again` does not
// name it ("base", a repository, a host), else from the mirrors. `cpu` is carried over: see native.
// Throws Error (input) for what cannot be had, SpecError for what cannot be meant, and with
// `locked` for anything `old` does not hold.
spec::Lock resolve_inputs(const Inputs& inputs, const spec::Lock& old,
                          const std::set<std::string>& again, Sources& sources);

// Where a repository's commits are: relative paths start at the spec's directory.
GitSource git_source(const Inputs& inputs, const spec::Repository& repository);

// Gentoo's word for a machine that uname calls `machine`: "amd64" for "x86_64". Throws Error
// (usage) for one that it does not know.
std::string gentoo_arch(const spec::BuildSpec& spec, std::string_view machine);

}  // namespace gbox::build
