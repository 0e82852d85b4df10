// SPDX-License-Identifier: MIT
// Starts mbedTLS once for the process, and names its version. Everything else of TLS in this room needs a
// successful initialise() first; tls_context and the certificate folder call it themselves, so that programs
// need not. Any thread.
#pragma once

#include <string>

#include "base/error.hpp"

namespace coppice::net::tls {

// Initialises the library's random generator and key store, once per process; repeated calls cost nothing.
// errc::unsupported: the library in use is older than 3.6, which TLS 1.3 needs.
base::status initialise();

// The version of the library in use, "mbed TLS 3.6.2".
std::string library_version();

} // namespace coppice::net::tls
