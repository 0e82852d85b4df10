// SPDX-License-Identifier: MIT
// The names of nodes as small numbers. Bounded, since peers can make up any number of names. An index
// consists of a slot and a count of how often the slot was given to another name. When all slots are taken, a
// slot whose node is not needed is reused, first those whose names were not looked for lately. An index that
// is out of date has no name, and nothing sent to it finds a node. Index 0 is this node's own name, set once
// before start. Any thread. Finding a name that was found lately, and reading a name of less than 64 bytes,
// takes no lock.
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
  // How many names are kept besides our own; at most 65,535 together. Names that are merely mentioned do not
  // take the places of nodes that connect.
  struct bounds {
    std::uint32_t mentioned = 8192;
    std::uint32_t connected = 1024;
  };
  // Why a name is interned.
  enum class use : std::uint8_t { mention, connection };

  // An object that keeps data for each node and knows which nodes are needed. Called under the table's lock,
  // so it may not wait for a lock under which another thread uses the table.
  class holder {
   public:
    virtual ~holder() = default;
    // A slot is used for the first time.
    virtual void slot_taken(std::uint32_t index, std::string_view name) = 0;
    // Whether the node of `from` is not needed any more. True: the slot now belongs to index `to` with this
    // name.
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

  // Null: none; then no slot is reused. Has to be reset before the holder is destroyed.
  void set_holder(holder* one);

  // nullopt: there is no room, or the name is too long.
  std::optional<std::uint32_t> intern(std::string_view name, use what = use::mention);
  // nullopt: the name is not known.
  std::optional<std::uint32_t> find(std::string_view name) const;
  // Never the same in two tables. Changes when an index goes out of date. A result of intern() may be
  // remembered as long as the epoch is what it was before that call.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  // A copy. Empty: the index is out of date.
  std::string name(std::uint32_t index) const;
  // Calls take(std::string_view) with the name, which is valid until `take` returns.
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
  // For a name that is read without the lock, and a zero byte.
  static constexpr std::size_t room_for_short = 64;
  // The name's size; 0: not certain, read it under the lock.
  std::size_t read(std::uint32_t index, std::array<char, room_for_short>& into) const;

  std::atomic<std::uint64_t> epoch_;
  node_forms forms_;
  std::unique_ptr<state> state_;
};

} // namespace coppice::runtime
