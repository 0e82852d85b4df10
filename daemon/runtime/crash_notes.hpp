// SPDX-License-Identifier: MIT
// What a process that ends badly leaves for the log. Its supervisor writes the log line but sees only the
// exit reason; the note tells callback, message and state. The supervisor takes the note. If there are too
// many, the oldest is dropped. Any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

struct crash_note {
  static constexpr std::size_t most = 1024; // bytes of each text except the callback

  std::string callback{}; // the callback that ran, such as "handle_call"
  std::string message{};  // the message it was given; empty: none, or messages may not be shown
  std::string state{};    // as its format_status shows it; empty: none
  // Where the exception that ended it was thrown, one line a frame. Empty: no exception, or not known.
  std::string backtrace{};
};

class crash_notes {
 public:
  static constexpr std::size_t most = 1024;

  void leave(const pid& whose, crash_note note);
  // Removes the note.
  std::optional<crash_note> take(const pid& whose);

 private:
  std::mutex lock_;
  std::deque<std::pair<pid, crash_note>> notes_; // oldest first
};

// The beginning of a term for a note: at most crash_note::most bytes of whole characters.
std::string shown_in_note(etf::bytes term);
// An exit reason for the log, at most `most` characters. Where messages may not be shown in the log, the
// request inside {bad_call, Request} and {bad_cast, Request} is left out.
std::string shown_reason(const message& reason, std::size_t most);

} // namespace coppice::runtime
