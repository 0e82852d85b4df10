// SPDX-License-Identifier: MIT
// The table of unfinished messages. Of the count a peer sends no more is believed than a few times what has
// come already. One thread.
#include "dist/fragments.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace coppice::dist {
namespace {

constexpr std::size_t believed = 4; // times as much as has come

} // namespace

base::result<std::optional<fragments::joined>> fragments::first(std::uint64_t sequence,
                                                                std::uint64_t fragment,
                                                                const atom_table& atoms,
                                                                std::span<const std::uint8_t> body) {
  if (open_.size() >= most_.sequences) {
    return base::fail(base::errc::limit,
                      "more than " + std::to_string(most_.sequences) + " fragmented messages under way");
  }
  const auto [at, fresh] = open_.try_emplace(sequence);
  if (!fresh) return base::fail(base::errc::invalid, "a fragmented message begins again before its end");
  at->second.expected = fragment;
  at->second.atoms = owned_atoms(atoms);
  bytes_ += at->second.atoms.bytes();
  add(at->second, body);
  if (at->second.expected == 1) return finish(at);
  --at->second.expected;
  return std::nullopt;
}

base::result<std::optional<fragments::joined>> fragments::next(std::uint64_t sequence, std::uint64_t fragment,
                                                               std::span<const std::uint8_t> body) {
  const auto at = open_.find(sequence);
  if (at == open_.end()) return base::fail(base::errc::invalid, "a fragment of a message that never began");
  if (at->second.expected != fragment) {
    return base::fail(base::errc::invalid, "fragment " + std::to_string(fragment) + " where " +
                                               std::to_string(at->second.expected) + " was due");
  }
  add(at->second, body);
  if (fragment == 1) return finish(at);
  --at->second.expected;
  return std::nullopt;
}

// For this fragment, and for those to come if they are as long.
bool fragments::make_room(sequence_state& s, std::size_t size) {
  if (s.body.room().size() >= size) return true;
  const std::size_t so_far = s.body.size() + size;
  const std::size_t most = so_far * (believed - 1);
  const std::uint64_t to_come = std::min<std::uint64_t>(s.expected - 1, most / size);
  return s.body.reserve(so_far + static_cast<std::size_t>(to_come) * size);
}

void fragments::add(sequence_state& s, std::span<const std::uint8_t> body) {
  if (s.dropped) return;
  if (bytes_ + body.size() > most_.bytes || !make_room(s, body.size())) {
    bytes_ -= s.bytes();
    s.atoms = {};
    s.body.clear();
    s.dropped = true;
    ++dropped_;
    return;
  }
  s.body.append(body);
  bytes_ += body.size();
}

std::optional<fragments::joined> fragments::finish(
    std::unordered_map<std::uint64_t, sequence_state>::iterator at) {
  sequence_state done = std::move(at->second);
  open_.erase(at);
  if (done.dropped) return std::nullopt;
  bytes_ -= done.bytes();
  return joined{std::move(done.atoms), done.body.take()};
}

} // namespace coppice::dist
