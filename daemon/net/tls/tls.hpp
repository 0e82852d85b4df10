// SPDX-License-Identifier: MIT
// The TLS library: readiness and version. Any thread after initialise().
#pragma once

#include <string>

#include "base/error.hpp"

namespace coppice::net::tls {

// Makes the library's random generator and key store ready; once per process, repeats are free.
// errc::unsupported when the library in use is older than 3.6, which TLS 1.3 needs.
base::status initialise();

// Of the library in use, e.g. "mbed TLS 3.6.2".
std::string library_version();

} // namespace coppice::net::tls
