// SPDX-License-Identifier: MIT
// Single keys from the terminal, for a picture that is drawn again and again. While a keyboard exists, the
// terminal hands over each key at once and shows none; it is as before when the keyboard ends, and when a
// signal ends or stops the program. One thread, and one keyboard at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coppice::cli {

enum class key : std::uint8_t { other, up, down, page_up, page_down, left, right, enter, back, quit };

// Takes the first key from the bytes that a terminal sent. nullopt: there is none, or only the beginning of
// an escape sequence; `all`: no more bytes come, so an escape alone is the key back.
std::optional<key> take_key(std::string& bytes, bool all);

class keyboard {
 public:
  // Null: standard input is no terminal.
  static std::unique_ptr<keyboard> open();
  keyboard(const keyboard&) = delete;
  keyboard& operator=(const keyboard&) = delete;
  ~keyboard();

  // The next key. nullopt: none came before `until`. quit: the terminal has gone.
  std::optional<key> wait(std::chrono::steady_clock::time_point until);

 private:
  keyboard() = default;
  std::string bytes_;
};

} // namespace coppice::cli
