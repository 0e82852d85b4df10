// SPDX-License-Identifier: MIT
// Errors are values: a code for programs and a sentence for people, with context put in front on the
// way up. Every fallible function of the daemon returns base::result<T>; exceptions stay inside the
// function that calls a throwing library. Any thread.
#pragma once

#include <coppice/etf/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace coppice::base {

// What kind of failure it is, for callers that branch on it. The sentence says the rest.
enum class errc {
  invalid,     // input that can never be right: malformed, out of range, of the wrong type
  not_found,   // a thing named does not exist
  exists,      // a thing to be made is there already
  refused,     // a peer or a policy said no
  timeout,     // it did not happen in time
  closed,      // the other end, or the thing itself, is gone
  limit,       // a bound was reached
  unsupported, // known, and not available here
  system,      // the operating system said no; the sentence carries its words
  internal,    // a broken promise of our own
};

struct error {
  errc code = errc::internal;
  std::string text; // "what: why", lower case, no full stop, no secret

  // Puts "what: " in front.
  error&& context(std::string_view what) && {
    text.insert(0, std::string(what) + ": ");
    return std::move(*this);
  }
};

template <class T>
using result = expected<T, error>;
using status = result<void>;

// Cold: the compiler keeps what leads to a failure out of the way of what does not fail.
[[gnu::cold]] unexpected<error> fail(errc code, std::string text);
// The same with errno's words behind: "open /x: No such file or directory".
[[gnu::cold]] unexpected<error> fail_errno(std::string what, int number);
// And with libuv's, for its negative results.
[[gnu::cold]] unexpected<error> fail_uv(std::string what, int result);

} // namespace coppice::base
