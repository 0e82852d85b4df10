// SPDX-License-Identifier: MIT
// The order in which applications start. Any thread.
#pragma once

#include <vector>

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// Sorts the applications so that each comes after those it depends on. An unknown dependency is an error,
// and so is each circle. `written`: the list that the applications were read from; null: none.
void put_in_start_order(std::vector<application_spec>& all, const node* written, report& to);

} // namespace coppice::spec
