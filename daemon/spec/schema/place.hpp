// SPDX-License-Identifier: MIT
// The checks that the tables of TCP and UDP share for places: an address with its port, or another key in
// its stead. Immutable; any thread.
#pragma once

#include <initializer_list>
#include <string_view>

#include "spec/schema/simple_types.hpp"

namespace coppice::spec {

// The name of a socket that systemd passes.
text socket_name();

// False, with an error reported: `at` has neither 'address' with 'port' nor one of `others`, or several of
// them.
bool check_place(reader& from, const node& at, std::initializer_list<std::string_view> others);

} // namespace coppice::spec
