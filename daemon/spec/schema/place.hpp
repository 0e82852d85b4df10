// SPDX-License-Identifier: MIT
// What the tables of TCP and UDP say of places in common: an address with its port, or something else in its
// stead. Immutable; any thread.
#pragma once

#include <initializer_list>
#include <string_view>

#include "spec/schema/simple_types.hpp"

namespace coppice::spec {

// The name of a socket that systemd passes.
text socket_name();

// False, and said: `at` has neither 'address' with 'port' nor one of `others`, or more than one of them.
bool check_place(reader& from, const node& at, std::initializer_list<std::string_view> others);

} // namespace coppice::spec
