// SPDX-License-Identifier: MIT
// The rows of `cron:`, in the schema's words; see schema/type.hpp.
#pragma once

#include "spec/cron_options.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

const table<cron_options>& cron_table();

} // namespace coppice::spec
