// SPDX-License-Identifier: MIT
// Shortens terms and values of the configuration for readers that may not see them: readers over HTTP without
// the right `state`, the log of operators' requests, and the users of the machine, which all see the status
// of the service. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace coppice::control {

// The shape of a term, without what is in it: put, {put, …}, …
std::string shape_of(std::string_view term);

// A sentence whose term is reduced to its shape, and which ends there. The term is the whole sentence, or
// stands behind ": "; a tuple, a binary and a text are found anywhere. An atom without quotes stays.
std::string without_term(const std::string& sentence);

// A sentence with "FILE:LINE:COLUMN: MISTAKE" ends before the mistake, which may quote a value of the
// configuration.
std::string without_mistake(std::string_view sentence);

} // namespace coppice::control
