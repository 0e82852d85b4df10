// SPDX-License-Identifier: MIT
// Checks of the texts in a web server's keys. Each returns what the text has to be, or an empty string where
// the text is good. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace coppice::spec {

// A method that the server knows, in upper case.
std::string check_method(std::string_view method);
// The name of a header that the server does not set itself.
std::string check_header_name(std::string_view name);
// A header's value: no control characters.
std::string check_header_value(std::string_view value);
// A path as base::path_pattern reads it.
std::string check_path(std::string_view path);
// Where a redirect leads: 1 to 8192 bytes.
std::string check_location(std::string_view to);
// A file's name without a folder, not hidden.
std::string check_index(std::string_view name);
// A host without a port.
std::string check_host_name(std::string_view host);
// A route's name: 1 to 255 characters without '@'.
std::string check_route_name(std::string_view name);
// A registered name, or NAME@ALIVE@HOST.
std::string check_handler(std::string_view written);
// An origin such as https://example.org, or "*".
std::string check_origin(std::string_view origin);
// Any header's name.
std::string check_any_header(std::string_view name);

} // namespace coppice::spec
