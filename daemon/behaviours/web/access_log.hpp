// SPDX-License-Identifier: MIT
// Formats one line for each answered request: Apache's common or combined format, or a JSON object. The lines
// are logged at level info of the log's module `web`. What a client sent is escaped. Any thread.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "behaviours/web/web_spec.hpp"

namespace coppice::behaviours {

struct access_entry {
  std::string peer; // an address without port; empty: unknown
  std::string method{};
  std::string target{};
  std::string host{};
  std::string referer{};
  std::string agent{};
  unsigned minor = 1; // of the version: HTTP/1.0 or 1.1
  int status = 0;
  std::uint64_t bytes = 0; // of the answer's body
  base::nanos took = 0;
};

// `now`: wall time. `format` is not off.
std::string access_line(const access_entry& of, access_log_format format, base::nanos now);

} // namespace coppice::behaviours
