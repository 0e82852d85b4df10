// SPDX-License-Identifier: MIT
// Node names and the way of pids and references to and from ETF and text. Names are never removed, so a
// reader needs no lock: an index it holds was published (release) after its name was written.
#include "runtime/messages/ids.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

namespace coppice::runtime {

struct node_names::state {
  explicit state(std::uint32_t limit) : names(limit) {}
  mutable std::shared_mutex lock; // guards index and count
  std::unordered_map<std::string_view, std::uint32_t> index;
  std::uint32_t count = 0;
  std::vector<std::atomic<const std::string*>> names;
  // Where names were found lately, by their looks: most are found without the lock. Names never go.
  std::array<std::atomic<std::uint32_t>, 64> lately{};
  static std::size_t place_of(std::string_view name) {
    const auto at = [name](std::size_t i) { return static_cast<unsigned char>(name[i]); };
    return name.empty() ? 0
                        : (name.size() + 7U * at(0) + 31U * at(name.size() / 2) + at(name.size() - 1)) % 64;
  }
  std::string own; // set before other threads come; empty until it is interned
};

node_names::node_names(std::string own, std::uint32_t limit)
    : state_(std::make_unique<state>(limit == 0 ? 1 : limit)) {
  intern(own);
  forms_.set(own);
  state_->own = std::move(own);
}

node_names::~node_names() {
  for (const auto& name : state_->names) std::unique_ptr<const std::string>(name.load()).reset();
}

std::optional<std::uint32_t> node_names::find(std::string_view name) const {
  if (name == state_->own) return 0;
  std::atomic<std::uint32_t>& lately = state_->lately[state::place_of(name)];
  if (const std::uint32_t index = lately.load(std::memory_order_relaxed); this->name(index) == name)
    return index;
  const std::shared_lock guard(state_->lock);
  const auto found = state_->index.find(name);
  if (found == state_->index.end()) return std::nullopt;
  lately.store(found->second, std::memory_order_relaxed);
  return found->second;
}

std::optional<std::uint32_t> node_names::intern(std::string_view name) {
  if (const auto known = find(name)) return known;
  if (name.size() > 1020) return std::nullopt;
  const std::unique_lock guard(state_->lock);
  if (const auto found = state_->index.find(name); found != state_->index.end()) return found->second;
  if (state_->count == state_->names.size()) return std::nullopt;
  auto owned = std::make_unique<const std::string>(name);
  const std::uint32_t index = state_->count++;
  state_->index.emplace(*owned, index);
  state_->names[index].store(owned.release(), std::memory_order_release);
  return index;
}

std::string_view node_names::name(std::uint32_t index) const {
  if (index >= state_->names.size()) return {};
  const std::string* found = state_->names[index].load(std::memory_order_acquire);
  return found == nullptr ? std::string_view{} : std::string_view(*found);
}

void write(etf::writer& out, const pid& value, const node_names& names) {
  out.pid({names.name(value.node), value.id, value.serial, value.creation});
}

void write(etf::writer& out, const reference& value, const node_names& names) {
  out.reference({names.name(value.node), value.creation, value.count, value.words});
}

std::optional<pid> read_pid(etf::cursor& in, node_names& names) {
  if (pid own; names.forms().get_pid(in.rest(), own)) [[likely]] {
    in.advance(names.forms().pid_size());
    return own;
  }
  etf::cursor ahead = in;
  etf::pid found;
  if (!ahead.read_pid(found)) return std::nullopt;
  const auto node = names.intern(found.node);
  if (!node) return std::nullopt;
  in = ahead;
  return pid{*node, found.creation, found.id, found.serial};
}

std::optional<reference> read_reference(etf::cursor& in, node_names& names) {
  if (reference own; names.forms().get_reference(in.rest(), own)) [[likely]] {
    in.advance(names.forms().reference_size());
    return own;
  }
  etf::cursor ahead = in;
  etf::reference found;
  if (!ahead.read_reference(found)) return std::nullopt;
  const auto node = names.intern(found.node);
  if (!node) return std::nullopt;
  in = ahead;
  return reference{*node, found.creation, found.count, found.words};
}

std::string to_text(const pid& value, const node_names& names) {
  if (value.here()) return fmt::format("<0.{}.{}>", value.id, value.serial);
  return fmt::format("#Pid<'{}'.{}.{}.{}>", names.name(value.node), value.creation, value.id, value.serial);
}

std::string to_text(const reference& value, const node_names& names) {
  std::string text = fmt::format("#Ref<'{}'.{}", names.name(value.node), value.creation);
  for (std::uint32_t i = 0; i < value.count && i < value.words.size(); ++i)
    text += fmt::format(".{}", value.words[i]);
  return text + ">";
}

} // namespace coppice::runtime
