// SPDX-License-Identifier: MIT
// Whether bytes may be sent to other nodes: they are exactly one term, and no map in it has a key twice.
// Terms from other nodes were checked on arrival; terms that plugins build are not checked while they stay on
// this node. A long term is checked in portions, between which a process lets others run, and once: a long
// message that was found to be sound is known to be. Any thread.
#pragma once

#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>
#include <cstddef>
#include <optional>

#include "runtime/messages/message.hpp"

namespace coppice::runtime {

class process;

bool is_sound_term(etf::bytes bytes, const etf::limits& bounds = {});

// is_sound_term() in portions. One thread.
class sound_check {
 public:
  static constexpr std::size_t at_once = std::size_t{256} << 10; // bytes of a portion

  // Borrows `term`.
  explicit sound_check(etf::bytes term, const etf::limits& bounds = {}) : term_(term), bounds_(bounds) {}
  sound_check(const sound_check&) = delete;
  sound_check& operator=(const sound_check&) = delete;

  // Reads the next portion. nullopt: there is more to read.
  std::optional<bool> go_on();

 private:
  bool pass();
  bool has_ended() const;
  bool has_unique_keys();

  const etf::bytes term_;
  const etf::limits bounds_;
  etf::detail::scanner scan_{bounds_, etf::cached_atoms::refused};
  etf::key_checker keys_;
  bool begun_ = false;      // keys_ has
  std::size_t passed_ = 0;  // bytes
  std::size_t unkeyed_ = 0; // bytes before the portion with the first map of several pairs
  bool canonical_ = true;
};

// Notes that `m` is sound, if it is longer than one portion. Shorter messages are not noted, since checking
// them is quick.
void note_sound(const message& m);
bool is_known_sound(const message& m);

// For a process that knows that `m` is going to leave the node, but will not send it itself in its turn: an
// exit reason, or a signal in another process's name. May yield. In the process's own turn.
void check_before_leaving(process& self, const message& m);

} // namespace coppice::runtime
