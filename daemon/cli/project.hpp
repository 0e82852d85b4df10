// SPDX-License-Identifier: MIT
// Where a project of `coppice init` has its files. Reads folders; one thread.
#pragma once

#include <string>

#include "base/error.hpp"

namespace coppice::cli {

// `path` in `folder`; "." adds nothing.
std::string in_folder(const std::string& folder, const std::string& path);

// The configuration's path from the project's folder on: `given`, or, if that is empty, the only .yaml in
// config. errc::not_found: there is none; errc::invalid: there are several, which the sentence lists.
base::result<std::string> configuration_of(const std::string& folder, const std::string& given);

} // namespace coppice::cli
