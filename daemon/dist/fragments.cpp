// SPDX-License-Identifier: MIT
// The table of unfinished messages. Of the count a peer sends no more is believed than a few times what has
// come already. One thread.
#include "dist/fragments.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace coppice::dist {
namespace {

constexpr std::uint64_t reserved_fragments = 4;

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
  at->second.message.atoms = owned_atoms(atoms);
  bytes_ += at->second.message.atoms.bytes();
  at->second.message.body.reserve(body.size() * std::min(fragment, reserved_fragments));
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

void fragments::add(sequence_state& s, std::span<const std::uint8_t> body) {
  if (s.dropped) return;
  if (bytes_ + body.size() > most_.bytes) {
    bytes_ -= s.message.body.size() + s.message.atoms.bytes();
    s.message = {};
    s.dropped = true;
    ++dropped_;
    return;
  }
  s.message.body.insert(s.message.body.end(), body.begin(), body.end());
  bytes_ += body.size();
}

std::optional<fragments::joined> fragments::finish(
    std::unordered_map<std::uint64_t, sequence_state>::iterator at) {
  sequence_state done = std::move(at->second);
  open_.erase(at);
  if (done.dropped) return std::nullopt;
  bytes_ -= done.message.body.size() + done.message.atoms.bytes();
  return std::move(done.message);
}

} // namespace coppice::dist
