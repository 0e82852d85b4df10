// SPDX-License-Identifier: MIT
// Makes a behaviour from an actor's name. The loader implements this interface. Called on any worker thread,
// in a process's own turn; may not block for long.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

// How an actor treats a request for which it has no callback, or that all its callbacks refuse.
enum class unhandled : std::uint8_t {
  exit,        // ends as OTP's servers do, with {bad_call, Request} or {bad_cast, Request}
  reply_error, // answers a call with {error, {bad_request, Text}}; logs a cast
  log,         // writes a line to the log; a call gets no answer
  ignore,      // does nothing, also for messages that are neither call nor cast
};

// nullopt: `word` is none of the four.
inline std::optional<unhandled> unhandled_of(std::string_view word) {
  constexpr std::array<std::string_view, 4> words{"exit", "reply_error", "log", "ignore"};
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return static_cast<unhandled>(i);
  return std::nullopt;
}

// How many events a state machine may postpone, and what happens to the next one.
struct postponed_bound {
  enum class overflow : std::uint8_t {
    exit,     // the machine ends with reason `postponed_full`
    drop_new, // the new event is dropped and counted
    drop_old, // the oldest postponed event is dropped
  };
  std::uint32_t limit = 10'000;
  overflow on_full = overflow::exit;
  friend bool operator==(const postponed_bound&, const postponed_bound&) = default;
};

struct actor_spec {
  std::string actor;                           // "PLUGIN" or "PLUGIN:ACTOR"
  message args;                                // a term; none: #{}
  message env;                                 // the application's env, a map; none: #{}
  std::string label;                           // "APP/SUP/CHILD", for people
  std::optional<runtime::unhandled> unhandled; // nullopt: as the actor's class says, else `exit`
  postponed_bound postponed{};                 // for a state machine
  message options{};                           // of the actor's behaviour, a term; none: the defaults
  base::secrets_ptr secrets{};                 // the values of the markers in `args`; null: none
};

class actor_factory {
 public:
  virtual ~actor_factory() = default;
  virtual base::result<std::unique_ptr<behaviour>> make(const actor_spec& spec) = 0;
};

} // namespace coppice::runtime
