// SPDX-License-Identifier: MIT
// Makes errors, with the text of errno behind what was being done; libuv's are in uv_error.cpp. Any thread.
#include "base/error.hpp"

#include <cerrno>
#include <system_error>

#include "base/errno_code.hpp"

namespace coppice::base {

errc code_of_errno(int number) {
  switch (number) {
    case ENOENT:
      return errc::not_found;
    case EEXIST:
    case EADDRINUSE:
      return errc::exists;
    case ECONNREFUSED:
      return errc::refused;
    case ETIMEDOUT:
      return errc::timeout;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
      return errc::closed;
    case EMFILE:
    case ENFILE:
      return errc::limit;
    default:
      return errc::system;
  }
}

unexpected<error> fail(errc code, std::string text) {
  return unexpected<error>(error{code, std::move(text)});
}

unexpected<error> fail_errno(std::string what, int number) {
  return fail(code_of_errno(number), std::move(what) + ": " + std::generic_category().message(number));
}

} // namespace coppice::base
