// SPDX-License-Identifier: MIT
// The table of node names. Each slot also keeps its index and, if it is short enough, its name in atomics. A
// reader compares these without the lock, and trusts what it read if the index is the same before and after.
// Writers hold the lock and set the index to 0 meanwhile. Each word is stored with release and loaded with
// acquire, so a reader that sees a word of the next name also sees that the index has changed.
#include "runtime/messages/node_names.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"

namespace coppice::runtime {
namespace {

constexpr std::size_t words = 8; // of a name that can be compared without the lock
using text = std::array<std::uint64_t, words>;
using characters = std::array<char, sizeof(text)>;
constexpr std::uint32_t most_slots = std::uint32_t{1} << node_names::slot_bits;
// Slots that are looked at for a name that is merely mentioned, so that it costs little if all are needed.
constexpr std::size_t patience = 1024;

std::uint64_t word_at(std::string_view name, std::size_t at) {
  return base::load_be64(reinterpret_cast<const std::uint8_t*>(name.data() + at));
}

// The last word of a text: the bytes after its whole words, and zeros. Put together in a register: through
// memory the load would wait for the stores of its bytes.
std::uint64_t last_word(std::string_view name) {
  constexpr std::size_t size = sizeof(std::uint64_t);
  const std::size_t rest = name.size() % size;
  if (rest == 0) return 0;
  if (name.size() > size) return word_at(name, name.size() - size) << (8 * (size - rest));
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < rest; ++i)
    out |= std::uint64_t{static_cast<unsigned char>(name[i])} << (8 * (size - 1 - i));
  return out;
}

// The bytes of a name, with zeros behind. nullopt: the name is too long.
std::optional<text> short_text(std::string_view name) {
  text out{};
  if (name.size() >= sizeof out || name.find('\0') != name.npos) return std::nullopt;
  const std::size_t whole = name.size() / sizeof(std::uint64_t);
  for (std::size_t i = 0; i < whole; ++i) out[i] = word_at(name, i * sizeof(std::uint64_t));
  out[whole] = last_word(name);
  return out;
}

// Unique among all tables of the program; never 0.
std::uint64_t next_epoch() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

constexpr text no_text() {
  text out{};
  out.fill(~std::uint64_t{0});
  return out;
}

struct hash {
  std::size_t operator()(std::string_view name) const {
    return static_cast<std::size_t>(
        etf::table_hash({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}));
  }
};

} // namespace

struct node_names::state {
  struct slot {
    std::atomic<std::uint32_t> index{0};
    mutable std::atomic<bool> wanted{false}; // its name was looked for since region::hand passed
    std::array<std::atomic<std::uint64_t>, words> read{};
    std::string name; // guarded by the lock
  };

  // A range of slots, used from its first one on.
  struct region {
    std::uint32_t next; // the first slot that was never used
    std::uint32_t end;
    std::uint32_t begin = next;
    std::uint32_t hand = next; // the slot that is looked at next for reuse
  };

  state(const bounds& most, std::atomic<std::uint64_t>& changed)
      : epoch(changed),
        slots(std::min(most_slots, 1 + most.mentioned + most.connected)),
        any{1, static_cast<std::uint32_t>(slots.size()) -
                   std::min(most.connected, static_cast<std::uint32_t>(slots.size()) - 1)},
        connected{any.end, static_cast<std::uint32_t>(slots.size())} {}

  // Without the lock. False: not certain. No name that can be read so contains a zero byte: texts that are
  // equal up to the word that ends with zeros are equal.
  bool is(std::uint32_t index, std::string_view name) const {
    if (slot_of(index) >= slots.size()) return false;
    if (name.empty() || name.size() >= sizeof(text) || name.back() == '\0') return false;
    const slot& at = slots[slot_of(index)];
    if (at.index.load(std::memory_order_acquire) != index) return false;
    const std::size_t whole = name.size() / sizeof(std::uint64_t);
    std::uint64_t differ = at.read[whole].load(std::memory_order_acquire) ^ last_word(name);
    for (std::size_t i = 0; i < whole; ++i)
      differ |= at.read[i].load(std::memory_order_acquire) ^ word_at(name, i * sizeof(std::uint64_t));
    if (differ != 0 || at.index.load(std::memory_order_relaxed) != index) return false;
    if (!at.wanted.load(std::memory_order_relaxed)) at.wanted.store(true, std::memory_order_relaxed);
    return true;
  }
  // Without the lock. 0: not certain.
  std::size_t read(std::uint32_t index, characters& into) const {
    if (slot_of(index) >= slots.size()) return 0;
    const slot& at = slots[slot_of(index)];
    if (at.index.load(std::memory_order_acquire) != index) return 0;
    for (std::size_t i = 0; i < words; ++i) {
      const std::uint64_t word = at.read[i].load(std::memory_order_acquire);
      base::store_be64(reinterpret_cast<std::uint8_t*>(into.data()) + i * sizeof word, word);
      if ((word & 0xFF) == 0) break; // a zero in its last byte: the name ends in this word
    }
    const void* const end = std::memchr(into.data(), 0, into.size());
    if (end == nullptr || at.index.load(std::memory_order_relaxed) != index) return 0;
    return static_cast<std::size_t>(static_cast<const char*>(end) - into.data());
  }
  // Under the lock, as all functions below.
  void write(std::uint32_t index, std::string_view name) {
    slot& at = slots[slot_of(index)];
    at.index.store(0, std::memory_order_relaxed);
    at.name = name;
    const text read = short_text(name).value_or(no_text());
    for (std::size_t i = 0; i < words; ++i) at.read[i].store(read[i], std::memory_order_release);
    at.wanted.store(false, std::memory_order_relaxed); // hand has just passed
    at.index.store(index, std::memory_order_release);
    // Only now: a reader that sees the new epoch no longer finds the former index.
    if (index >= most_slots) epoch.store(next_epoch(), std::memory_order_release);
    known.emplace(at.name, index);
  }
  std::optional<std::uint32_t> unused(region& in, std::string_view name) {
    if (in.next == in.end) return std::nullopt;
    const std::uint32_t index = in.next++;
    if (who != nullptr) who->slot_taken(index, name);
    return index;
  }
  // Reuses a slot that is not needed, among at most `looks`; its old name is forgotten. nullopt: there is
  // none.
  std::optional<std::uint32_t> given_on(region& in, std::string_view name, std::size_t looks) {
    if (who == nullptr || in.begin == in.end) return std::nullopt;
    for (; looks > 0; --looks) {
      slot& at = slots[in.hand];
      in.hand = in.hand + 1 < in.end ? in.hand + 1 : in.begin;
      if (at.wanted.exchange(false, std::memory_order_relaxed)) continue;
      const std::uint32_t from = at.index.load(std::memory_order_relaxed);
      const std::uint32_t to = from + most_slots;
      if (!who->slot_given_on(from, to, name)) continue;
      known.erase(at.name);
      return to;
    }
    return std::nullopt;
  }
  std::optional<std::uint32_t> room_for(std::string_view name, use what) {
    const auto all = [](const region& of) { return 2 * std::size_t{of.end - of.begin}; };
    if (auto found = unused(any, name)) return found;
    if (what == use::mention) return given_on(any, name, std::min(all(any), patience));
    if (auto found = unused(connected, name)) return found;
    if (auto found = given_on(connected, name, all(connected))) return found;
    return given_on(any, name, all(any));
  }

  std::atomic<std::uint64_t>& epoch;
  std::string own; // set before other threads use the table
  mutable std::shared_mutex lock;
  std::vector<slot> slots;
  region any;       // for every name
  region connected; // only for nodes that connect
  std::unordered_map<std::string_view, std::uint32_t, hash> known;
  holder* who = nullptr;
  // Where names were found lately, by a simple hash.
  mutable std::array<std::atomic<std::uint32_t>, 64> lately{};
  std::atomic<std::uint32_t>& lately_at(std::string_view name) const {
    const auto at = [name](std::size_t i) { return static_cast<unsigned char>(name[i]); };
    const std::size_t sum =
        name.empty() ? 0 : name.size() + 7U * at(0) + 31U * at(name.size() / 2) + at(name.size() - 1);
    return lately[sum % lately.size()];
  }
};

node_names::node_names(std::string own, const bounds& most)
    : epoch_(next_epoch()), state_(std::make_unique<state>(most, epoch_)) {
  forms_.set(own);
  state_->own = std::move(own);
  state_->known.emplace(state_->own, 0);
}

node_names::~node_names() = default;

std::string_view node_names::own() const {
  return state_->own;
}

void node_names::set_holder(holder* one) {
  const std::unique_lock guard(state_->lock);
  state_->who = one;
  if (one == nullptr) return;
  for (const auto& [name, index] : state_->known)
    if (index != 0) one->slot_taken(index, name);
}

std::optional<std::uint32_t> node_names::find(std::string_view name) const {
  std::atomic<std::uint32_t>& lately = state_->lately_at(name);
  if (const std::uint32_t index = lately.load(std::memory_order_relaxed);
      index != 0 && state_->is(index, name))
    return index;
  if (name == state_->own) return 0;
  const std::shared_lock guard(state_->lock);
  const auto found = state_->known.find(name);
  if (found == state_->known.end()) return std::nullopt;
  state_->slots[slot_of(found->second)].wanted.store(true, std::memory_order_relaxed);
  lately.store(found->second, std::memory_order_relaxed);
  return found->second;
}

std::optional<std::uint32_t> node_names::intern(std::string_view name, use what) {
  if (const auto known = find(name)) return known;
  if (name.size() > longest) return std::nullopt;
  const std::unique_lock guard(state_->lock);
  if (const auto found = state_->known.find(name); found != state_->known.end()) return found->second;
  const auto index = state_->room_for(name, what);
  if (index) state_->write(*index, name);
  return index;
}

std::size_t node_names::read(std::uint32_t index, characters& into) const {
  return state_->read(index, into);
}

std::string node_names::name(std::uint32_t index) const {
  if (index == 0) return state_->own;
  characters room;
  if (const std::size_t size = read(index, room); size > 0) return std::string(room.data(), size);
  const std::shared_lock guard(state_->lock);
  if (slot_of(index) >= state_->slots.size()) return {};
  const auto& at = state_->slots[slot_of(index)];
  return at.index.load(std::memory_order_relaxed) == index ? at.name : std::string();
}

} // namespace coppice::runtime
