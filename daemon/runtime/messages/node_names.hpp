// SPDX-License-Identifier: MIT
// The names of nodes as small numbers, bounded: others can make up as many names as they like. An index is a
// slot and how often it was given to another name; a slot is given on when all are taken, and then one whose
// node nobody needs, those first that were not looked for lately. An index that is out of date has no name,
// and what is sent to it finds no node. Index 0 is our own name, set once before start. Any thread; finding a
// name that was found lately, and telling one of less than 64 bytes, takes no lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <coppice/etf/hash.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/messages/node_forms.hpp"

namespace coppice::runtime {

class node_names {
 public:
  // How many names there is room for besides our own; 65,535 at most. What merely speaks of nodes does not
  // take the places of those that connect.
  struct bounds {
    std::uint32_t mentioned = 8192;
    std::uint32_t connected = 1024;
  };
  // What a name is interned for.
  enum class use : std::uint8_t { mention, connection };

  // Who keeps something for each node, and knows which are needed. Called under the table's lock, so that it
  // waits for no lock under which anyone asks the table.
  class holder {
   public:
    virtual ~holder() = default;
    // A slot is used for the first time.
    virtual void slot_taken(std::uint32_t index, std::string_view name) = 0;
    // Whether nobody needs the node of `from`: then the slot is that of `to`, which has this name.
    virtual bool slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) = 0;
  };

  static constexpr std::size_t longest = 1020; // bytes of a name
  static constexpr unsigned slot_bits = 16;
  static constexpr std::uint32_t slot_of(std::uint32_t index) {
    return index & ((std::uint32_t{1} << slot_bits) - 1);
  }

  explicit node_names(std::string own) : node_names(std::move(own), bounds{}) {}
  node_names(std::string own, const bounds& most);
  ~node_names();
  node_names(const node_names&) = delete;
  node_names& operator=(const node_names&) = delete;

  // Null: nobody is. While nobody is, no slot is given on. It is taken back before the holder goes.
  void set_holder(holder* one);

  // nullopt when there is no room, or the name is too long.
  std::optional<std::uint32_t> intern(std::string_view name, use what = use::mention);
  // The index if the name is known already.
  std::optional<std::uint32_t> find(std::string_view name) const;
  // Never the same in two tables, and another one in this from when an index is out of date. Who remembers
  // what intern() said may go on doing so as long as this is as it was before that was asked.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  // A copy; empty for an index that is out of date.
  std::string name(std::uint32_t index) const;
  // Calls take(std::string_view) with the same, which is valid until that returns.
  template <class Take>
  void with_name(std::uint32_t index, Take&& take) const {
    if (index == 0) return take(own());
    std::array<char, room_for_short> room;
    if (const std::size_t size = read(index, room); size > 0) [[likely]]
      take(std::string_view(room.data(), std::min(size, room.size())));
    else
      take(std::string_view(name(index)));
  }
  std::string_view own() const;
  const node_forms& forms() const { return forms_; }

 private:
  struct state;
  static constexpr std::size_t room_for_short = 64; // for a name that is read without the lock, and a zero
  // The name's size; 0 if it is not certain.
  std::size_t read(std::uint32_t index, std::array<char, room_for_short>& into) const;

  std::atomic<std::uint64_t> epoch_;
  node_forms forms_;
  std::unique_ptr<state> state_;
};

} // namespace coppice::runtime
