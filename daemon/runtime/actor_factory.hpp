// SPDX-License-Identifier: MIT
// The port that turns an actor's name into a behaviour; the loader implements it. Called on any worker
// thread, in a process's own turn; may not block for long.
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

// What becomes of a request that an actor has no callback for, or that none of its callbacks takes.
enum class unhandled : std::uint8_t {
  exit,        // it ends, as OTP's servers do: {bad_call, Request}, {bad_cast, Request}
  reply_error, // a caller is answered {error, {bad_request, Text}}; a cast is as with `log`
  log,         // a line; a caller gets no answer
  ignore,      // nothing, not even a line for a message that is neither call nor cast
};

// By its word above; none: it is none of them.
inline std::optional<unhandled> unhandled_of(std::string_view word) {
  constexpr std::array<std::string_view, 4> words{"exit", "reply_error", "log", "ignore"};
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return static_cast<unhandled>(i);
  return std::nullopt;
}

// How many events a state machine may postpone, and what becomes of one beyond that.
struct postponed_bound {
  enum class overflow : std::uint8_t {
    exit,     // it ends with `postponed_full`
    drop_new, // it is dropped, and counted
    drop_old, // the oldest is
  };
  std::uint32_t limit = 10'000;
  overflow on_full = overflow::exit;
  friend bool operator==(const postponed_bound&, const postponed_bound&) = default;
};

struct actor_spec {
  std::string actor;                           // "PLUGIN" or "PLUGIN:ACTOR"
  message args;                                // a term; none = #{}
  message env;                                 // the application's env, a map; none = #{}
  std::string label;                           // app/sup/child, for people
  std::optional<runtime::unhandled> unhandled; // none: as the actor's class says, else exit
  postponed_bound postponed{};                 // of a state machine
  message options{};                           // of its behaviour; none: the defaults
  base::secrets_ptr secrets{};                 // that `args` have markers of; null: none
};

class actor_factory {
 public:
  virtual ~actor_factory() = default;
  virtual base::result<std::unique_ptr<behaviour>> make(const actor_spec& spec) = 0;
};

} // namespace coppice::runtime
