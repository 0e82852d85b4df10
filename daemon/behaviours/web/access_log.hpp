// SPDX-License-Identifier: MIT
// The access log of a web server: formats one line for each answered request, in Apache's common or combined
// format, or as a JSON object. The connection logs the lines at level info of the log's module `web`. Text of
// a client is escaped, so that it cannot forge a line. Any thread.
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
