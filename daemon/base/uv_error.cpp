// SPDX-License-Identifier: MIT
// Makes errors with the text of libuv's negative results. Apart from error.cpp, so that a program which uses
// the daemon's engines without a loop needs no libuv. Any thread.
#include <uv.h>

#include "base/errno_code.hpp"

namespace coppice::base {

unexpected<error> fail_uv(std::string what, int result) {
  if (result == UV_EOF) return fail(errc::closed, std::move(what) + ": closed by the other end");
  if (result == UV_ECANCELED) return fail(errc::closed, std::move(what) + ": cancelled");
  // On Unix libuv returns errno negated. Its own codes (resolver, EOF) start at -3000.
  const errc code = result > -3000 ? code_of_errno(-result) : errc::system;
  return fail(code, std::move(what) + ": " + uv_strerror(result));
}

} // namespace coppice::base
