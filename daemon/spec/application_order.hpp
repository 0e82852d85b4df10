// SPDX-License-Identifier: MIT
// The order in which applications start. Any thread.
#pragma once

#include <vector>

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// Puts each application behind those that it depends on. One that is not there is an error, and so is each
// circle. `written`: the list that they were read from; null: there is none.
void put_in_start_order(std::vector<application_spec>& all, const node* written, report& to);

} // namespace coppice::spec
