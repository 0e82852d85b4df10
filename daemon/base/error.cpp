// SPDX-License-Identifier: MIT
// Makes errors, with the text of errno or of libuv's negative results behind what was being done. Any thread.
#include "base/error.hpp"

#include <uv.h>

#include <cerrno>
#include <system_error>

namespace coppice::base {
namespace {

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

} // namespace

unexpected<error> fail(errc code, std::string text) {
  return unexpected<error>(error{code, std::move(text)});
}

unexpected<error> fail_errno(std::string what, int number) {
  return fail(code_of_errno(number), std::move(what) + ": " + std::generic_category().message(number));
}

unexpected<error> fail_uv(std::string what, int result) {
  if (result == UV_EOF) return fail(errc::closed, std::move(what) + ": closed by the other end");
  if (result == UV_ECANCELED) return fail(errc::closed, std::move(what) + ": cancelled");
  // On Unix libuv returns errno negated. Its own codes (resolver, EOF) start at -3000.
  const errc code = result > -3000 ? code_of_errno(-result) : errc::system;
  return fail(code, std::move(what) + ": " + uv_strerror(result));
}

} // namespace coppice::base
