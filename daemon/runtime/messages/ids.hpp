// SPDX-License-Identifier: MIT
// Identities: pids, references, nodes as small numbers, and destinations of signals. All are plain values.
// Node 0 is this node. Any other number stands for one name in node_names as long as that node lives; a
// number that is kept for longer may be out of date and then stands for no node. Any thread.
#pragma once

#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/types.hpp>
#include <coppice/etf/writer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "runtime/messages/node_names.hpp"

namespace coppice::runtime {

// A process of any node. On this node `id` is its slot in the process table and `serial` is how often the
// slot was used before. On other nodes the two have that node's meaning.
struct pid {
  std::uint32_t node = 0; // index in node_names; 0: this node
  std::uint32_t creation = 0;
  std::uint32_t id = 0;
  std::uint32_t serial = 0;

  // Without branches: most pids that are compared are equal.
  friend bool operator==(const pid& a, const pid& b) {
    return ((a.node ^ b.node) | (a.creation ^ b.creation) | (a.id ^ b.id) | (a.serial ^ b.serial)) == 0;
  }
  explicit operator bool() const { return (id | serial) != 0; }
  bool here() const { return node == 0; }
};

// A reference. References made by this node, or by another Coppice node, have five words:
//
//   0   the low 18 bits of the number; no node uses more of this word
//   1   the next 5 bits of the number, then 27 bits: the maker's slot in the process table, pid::id
//   2   the high 32 bits of the number: random, drawn anew for each reference (base/random_words.hpp)
//   3   the id of the process that made it
//   4   its serial
//
// The last two words lead to the owner without a table. Some peers know references of three words only (nodes
// before OTP 24, and some clients); they send back the first three. These name the slot of the maker, and the
// process in that slot finds the call, monitor or alias by the whole number, so three words are enough. A
// process that was not shown the reference guesses it once in 2^32 tries. Three words are also unique: among
// the open calls, monitors and aliases of a process no two are equal. Two other references of one slot are
// equal with a chance of 2^-32, and only if they have the same count.
struct reference {
  std::uint32_t node = 0;
  std::uint32_t creation = 0;
  std::uint32_t count = 0; // words in use; 0: no reference
  std::array<std::uint32_t, 5> words{};

  friend bool operator==(const reference&, const reference&) = default;
  explicit operator bool() const { return count != 0; }
  bool here() const { return node == 0; }

  static constexpr unsigned slot_bits = 27;
  static constexpr unsigned count_bits = 21; // the low bits of a number
  // The two bits of a number above its count. The first marks a request, so that a late answer is still
  // recognised when nothing else is left of the request.
  static constexpr std::uint64_t of_request = std::uint64_t{1} << count_bits;
  // The second marks a call by a client outside the cluster: of the control socket or of a web site.
  static constexpr std::uint64_t of_client = of_request << 1;
  static constexpr unsigned number_bits = count_bits + 2 + 32;

  // Puts together the next count and 32 random bits.
  static constexpr std::uint64_t number_of(std::uint32_t count, std::uint32_t random) {
    return (count & (of_request - 1)) | static_cast<std::uint64_t>(random) << (count_bits + 2);
  }
  // The reference with this number, unique within its owner.
  static constexpr reference made_by(const pid& owner, std::uint64_t number) {
    return {owner.node,
            owner.creation,
            5,
            {static_cast<std::uint32_t>(number & 0x3FFFF),
             static_cast<std::uint32_t>(number >> 18 & 0x1F) << slot_bits | (owner.id & slot_mask),
             static_cast<std::uint32_t>(number >> 23), owner.id, owner.serial}};
  }
  // For references of the form above: the owner (wrong if the reference is cut) and the number.
  constexpr pid owner() const { return {node, creation, words[3], words[4]}; }
  constexpr std::uint64_t number() const {
    return (words[0] & 0x3FFFF) | static_cast<std::uint64_t>(words[1] >> slot_bits) << 18 |
           static_cast<std::uint64_t>(words[2]) << 23;
  }
  // Whether it has the form above, with all five words.
  constexpr bool is_whole() const {
    return count == 5 && words[0] < (std::uint32_t{1} << 18) && slot() == (words[3] & slot_mask);
  }
  bool is_of_request() const { return count == 5 && (number() & of_request) != 0; }
  // True only for references that this node made.
  bool is_of_client() const { return here() && count == 5 && (number() & of_client) != 0; }

  // is_cut(): it came back without its last two words. slot(): the maker's slot.
  constexpr bool is_cut() const { return count == 3; }
  constexpr std::uint32_t slot() const { return words[1] & slot_mask; }
  // The whole reference, if this one is cut and `by` may have made it; else this one.
  constexpr reference whole(const pid& by) const {
    const bool cut = is_cut() && node == by.node && creation == by.creation && slot() == (by.id & slot_mask);
    return cut ? made_by(by, number()) : *this;
  }

 private:
  static constexpr std::uint32_t slot_mask = (std::uint32_t{1} << slot_bits) - 1;
};

// A call by a process of this node or of another Coppice node: the caller and the number of its reference.
struct call_id {
  pid who;
  std::uint64_t number = 0;

  // `ref` has to be whole.
  static call_id of(const reference& ref) { return {ref.owner(), ref.number()}; }
  reference ref() const { return reference::made_by(who, number); }

  friend bool operator==(const call_id&, const call_id&) = default;
};

// The hash of an identity, for tables. Covers all fields, since other nodes may choose them, and is seeded,
// so that no node can choose many identities with the same hash.
template <class Identity>
struct identity_hash {
  static_assert(std::has_unique_object_representations_v<Identity>);
  std::size_t operator()(const Identity& of) const {
    return static_cast<std::size_t>(etf::table_hash({reinterpret_cast<const std::uint8_t*>(&of), sizeof of}));
  }
};
template <>
struct identity_hash<call_id> {
  std::size_t operator()(const call_id& of) const {
    const std::uint64_t node = std::uint64_t{of.who.node} << 32 | of.who.creation;
    const std::uint64_t process = std::uint64_t{of.who.id} << 32 | of.who.serial;
    return static_cast<std::size_t>(etf::table_hash(node, process, of.number));
  }
};
using pid_hash = identity_hash<pid>;
using call_hash = identity_hash<call_id>;
using reference_hash = identity_hash<reference>;

// The receiver of a signal: one of a pid, a name on this node, a name on another node, an alias, another
// node.
class destination {
 public:
  enum class kind : std::uint8_t { none, process, name, remote_name, alias, node };

  destination() = default;
  destination(const pid& to) : kind_(kind::process), pid_(to) {} // implicit: a pid is a destination
  static destination to(const pid& target) { return destination(target); }
  static destination named(std::string name) { return {kind::name, std::move(name), 0}; }
  // For node 0 the same as named().
  static destination remote(std::string name, std::uint32_t node) {
    return {node == 0 ? kind::name : kind::remote_name, std::move(name), node};
  }
  // Another node itself, for spawn requests. Never this node.
  static destination at(std::uint32_t node) { return {kind::node, {}, node}; }
  static destination alias(const reference& ref) {
    destination made;
    made.kind_ = kind::alias;
    made.alias_ = ref;
    return made;
  }

  kind what() const { return kind_; }
  const pid& process() const { return pid_; }           // kind::process
  const std::string& name() const { return name_; }     // kind::name, kind::remote_name
  const reference& alias_ref() const { return alias_; } // kind::alias
  // Index of the receiver's node; 0: this node.
  std::uint32_t node() const {
    return kind_ == kind::process ? pid_.node : kind_ == kind::alias ? alias_.node : pid_.node;
  }
  bool here() const { return node() == 0; }
  friend bool operator==(const destination&, const destination&) = default;

 private:
  destination(kind what, std::string name, std::uint32_t node) : kind_(what), name_(std::move(name)) {
    pid_.node = node;
  }
  kind kind_ = kind::none;
  pid pid_;
  reference alias_;
  std::string name_;
};

// To and from ETF. Reading interns the node's name. nullopt, and the cursor stays: there is no such term, or
// no room for another name.
void write(etf::writer& out, const pid& value, const node_names& names);
void write(etf::writer& out, const reference& value, const node_names& names);
std::optional<pid> read_pid(etf::cursor& in, node_names& names);
std::optional<reference> read_reference(etf::cursor& in, node_names& names);

// As text: <0.N.S> for pids of this node, #Pid<'n@h'.Creation.Id.Serial> for others. A destination becomes
// the text of what it names: pid, NAME, NAME@NODE, alias or node.
std::string to_text(const pid& value, const node_names& names);
std::string to_text(const reference& value, const node_names& names);
std::string to_text(const destination& value, const node_names& names);

} // namespace coppice::runtime
