// SPDX-License-Identifier: MIT
// The table of incomplete messages. The number of fragments that a peer announces is believed only up to a
// few times what has come; reserved memory counts as held. One thread.
#include "dist/fragments.hpp"

#include <algorithm>
#include <utility>

#include "dist/control_message.hpp"
#include "runtime/messages/block.hpp"

namespace coppice::dist {
namespace {

constexpr std::size_t believed = 4; // an announced number counts up to this many times what has come

auto nonsense(const etf::error& why, etf::bytes control) {
  const auto sent = decode_control(control);
  return base::fail(base::errc::invalid,
                    "payload" + (sent ? sender_text(*sent) : std::string()) + ": " + why.text());
}

} // namespace

etf::atom_lookup lookup_in(const owned_atoms& atoms) {
  return {[](const void* table, std::uint8_t index) {
            return static_cast<const owned_atoms*>(table)->find(index).value_or(std::string_view{});
          },
          &atoms};
}

fragments::message_state::message_state(const atom_table& table, std::span<const std::uint8_t> head,
                                        const etf::limits& terms)
    : atoms(table), control(head.begin(), head.end()), in(out, terms, lookup_in(atoms)) {}

base::result<std::optional<fragments::joined>> fragments::first(
    std::uint64_t sequence, std::uint64_t fragment, const atom_table& atoms,
    std::span<const std::uint8_t> control, std::span<const std::uint8_t> payload, bool more) {
  if (open_.size() >= most_at_once) {
    return base::fail(base::errc::limit,
                      "more than " + std::to_string(most_at_once) + " fragmented messages under way");
  }
  const auto [at, fresh] = open_.try_emplace(sequence);
  if (!fresh) return base::fail(base::errc::invalid, "a fragmented message begins again before its end");
  at->second.expected = fragment;
  at->second.message = std::make_unique<message_state>(atoms, control, terms_);
  count(*at->second.message);
  return add(at, payload, more);
}

base::result<std::optional<fragments::joined>> fragments::next(std::uint64_t sequence, std::uint64_t fragment,
                                                               std::span<const std::uint8_t> payload,
                                                               bool more) {
  const auto at = open_.find(sequence);
  if (at == open_.end()) return base::fail(base::errc::invalid, "a fragment of a message that never began");
  if (at->second.expected != fragment) {
    return base::fail(base::errc::invalid, "fragment " + std::to_string(fragment) + " where " +
                                               std::to_string(at->second.expected) + " was due");
  }
  return add(at, payload, more);
}

void fragments::count(const message_state& added) {
  bytes_ += added.bytes();
  outside_ += added.outside_blocks();
}

void fragments::uncount(const message_state& leaving) {
  bytes_ -= leaving.bytes();
  outside_ -= leaving.outside_blocks();
}

// Makes room for this fragment, and for the following ones if they are as long.
void fragments::make_room(const sequence_state& s, std::size_t size) const {
  auto& out = s.message->out;
  if (size == 0 || out.size() + size <= out.capacity()) return;
  const std::size_t so_far = out.size() + size;
  const std::uint64_t to_come = std::min<std::uint64_t>(s.expected - 1, so_far * (believed - 1) / size);
  const std::size_t expected = so_far + static_cast<std::size_t>(to_come) * size;
  out.reserve(std::max(so_far, std::min(expected, terms_.bytes)));
}

base::result<std::optional<fragments::joined>> fragments::add(place at, std::span<const std::uint8_t> payload,
                                                              bool more) {
  sequence_state& s = at->second;
  std::optional<joined> lost;
  if (!payload.empty()) s.idle = 0;
  if (s.message != nullptr && !payload.empty()) {
    uncount(*s.message);
    make_room(s, payload.size());
    s.message->empty = false;
    const auto fed = s.message->in.feed(payload);
    count(*s.message);
    if (!fed && !is_over_limit(fed.error())) return nonsense(fed.error(), s.message->control);
    if (!fed) lost = drop(s, fed.error().text());
  }
  if (more || s.expected-- > 1) return lost;
  if (s.message != nullptr) return finish(at);
  open_.erase(at);
  return lost;
}

void fragments::grow_older() {
  for (auto& [sequence, s] : open_) ++s.idle;
}

fragments::one fragments::oldest() const {
  one found;
  for (const auto& [sequence, s] : open_)
    if (s.idle > found.idle) found = {sequence, s.message == nullptr ? 0 : s.message->bytes(), s.idle};
  return found;
}

fragments::one fragments::largest() const {
  one found;
  for (const auto& [sequence, s] : open_)
    if (s.message != nullptr && s.message->bytes() > found.bytes)
      found = {sequence, s.message->bytes(), s.idle};
  return found;
}

fragments::joined fragments::drop(sequence_state& s, std::string why) {
  const std::size_t bytes = s.message->bytes();
  uncount(*s.message);
  auto control = std::move(s.message->control);
  s.message.reset();
  runtime::block_memory::given_up(bytes);
  ++dropped_;
  return {std::move(control), {}, std::move(why)};
}

base::result<std::optional<fragments::joined>> fragments::finish(place at) {
  const auto done = std::move(at->second.message);
  open_.erase(at);
  uncount(*done);
  if (done->empty) return joined{std::move(done->control), {}, {}};
  if (auto whole = done->in.finish(); !whole) return nonsense(whole.error(), done->control);
  return joined{std::move(done->control), done->out.take(), {}};
}

} // namespace coppice::dist
