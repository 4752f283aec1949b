// Runs jobs to their ends on the calling thread: a few at a time, in order.
#pragma once

#include <memory>
#include <vector>

#include "job.h"
#include "session.h"

namespace gbox::net {

void run(Session& session, const std::vector<std::unique_ptr<Job>>& jobs);

}  // namespace gbox::net
