// SPDX-License-Identifier: MIT
// Errors are values: a code for programs and a sentence for people, with context put in front on the way up.
// Every function of the daemon that can fail returns base::result<T>. Exceptions stay inside the function
// that calls a throwing library. Any thread.
#pragma once

#include <coppice/etf/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace coppice::base {

// The kind of failure, for callers that branch on it. The sentence says more.
enum class errc {
  invalid,     // input that can never be right: malformed, out of range, of the wrong type
  not_found,   // the named thing does not exist
  exists,      // the thing to be made exists already
  refused,     // a peer or a policy refused
  timeout,     // it did not happen in time
  closed,      // the other end, or the thing itself, no longer exists
  limit,       // a bound was reached
  unsupported, // known, but not available here
  system,      // the operating system refused; the sentence contains its text
  internal,    // a bug of the daemon
};

struct error {
  errc code = errc::internal;
  std::string text; // "what: why", lower case, no full stop, no secret

  // Puts "what: " in front of the text.
  error&& context(std::string_view what) && {
    text.insert(0, std::string(what) + ": ");
    return std::move(*this);
  }
};

template <class T>
using result = expected<T, error>;
using status = result<void>;

// Cold: the compiler moves code that leads to a failure away from other code.
[[gnu::cold]] unexpected<error> fail(errc code, std::string text);
// With errno's text behind: "open /x: No such file or directory".
[[gnu::cold]] unexpected<error> fail_errno(std::string what, int number);
// With libuv's text, for its negative results.
[[gnu::cold]] unexpected<error> fail_uv(std::string what, int result);

} // namespace coppice::base
