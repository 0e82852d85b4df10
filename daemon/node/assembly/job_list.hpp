// SPDX-License-Identifier: MIT
// Converts the validated configuration to the jobs of a node. Pure, except that it reads the data of time
// zones; nothing points into the specification.
#pragma once

#include <vector>

#include "services/cron/job.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

std::vector<services::cron_job> job_list(const spec::node_spec& spec);

} // namespace coppice::node
