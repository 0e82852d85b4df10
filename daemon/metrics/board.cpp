// SPDX-License-Identifier: MIT
// See board.hpp. The lock is held while the rows are copied, and never while a family is written: its writer
// may ask any part of the node.
#include "metrics/board.hpp"

#include <algorithm>
#include <span>

#include "metrics/rows.hpp"

namespace coppice::metrics {

// Consecutive families that have the same source.
struct board::part {
  std::type_index type;                     // of the counters
  std::unique_ptr<const counters> declares; // an object of that class, for its families; null: `write`
  std::function<void(exposition&)> write{}; // null: there are counters
  std::map<std::uint64_t, line> entered{};  // by the number of their entry
  std::map<labels, std::shared_ptr<counters>> totals{};
};

board::board() = default;
board::~board() = default;

board::entry& board::entry::operator=(entry&& other) noexcept {
  std::swap(board_, other.board_);
  std::swap(part_, other.part_);
  std::swap(number_, other.number_);
  return *this;
}

board::entry::~entry() {
  if (board_ != nullptr) board_->leave(*part_, number_);
}

void board::declare(std::function<void(exposition&)> write) {
  auto made = std::make_unique<part>(part{typeid(void), nullptr, std::move(write)});
  const std::scoped_lock held(lock_);
  parts_.push_back(std::move(made));
}

void board::declare_plugins() {
  declare([this](exposition& to) { plugins_.write(to); });
}

board::part& board::part_of(std::type_index type, std::unique_ptr<const counters> (*make)()) {
  const std::scoped_lock held(lock_);
  for (const auto& one : parts_)
    if (one->type == type) return *one;
  return *parts_.emplace_back(std::make_unique<part>(part{type, make()}));
}

board::entry board::enter_in(part& in, labels of, std::shared_ptr<const counters> counts) {
  const std::scoped_lock held(lock_);
  const std::uint64_t number = ++entered_;
  in.entered.emplace(number, line{std::move(of), std::move(counts)});
  return {*this, in, number};
}

void board::leave(part& in, std::uint64_t number) noexcept {
  const std::scoped_lock held(lock_);
  in.entered.erase(number);
}

std::shared_ptr<counters> board::total_in(part& in, labels of, std::shared_ptr<counters> (*make)()) {
  const std::scoped_lock held(lock_);
  auto& found = in.totals[std::move(of)];
  if (found == nullptr) found = make();
  return found;
}

std::vector<board::line> board::shown(std::type_index type) const {
  const part* of = nullptr;
  {
    const std::scoped_lock held(lock_);
    for (const auto& one : parts_)
      if (one->type == type) of = one.get();
  }
  return of == nullptr ? std::vector<line>() : shown(*of);
}

std::vector<board::line> board::shown(const part& of) const {
  std::vector<line> out;
  const auto add = [&out](const labels& by, std::shared_ptr<const counters> counts) {
    if (counts->is_shown()) out.push_back({by, std::move(counts)});
  };
  {
    const std::scoped_lock held(lock_);
    for (const auto& [number, one] : of.entered) add(one.of, one.counts);
    for (const auto& [by, counts] : of.totals) add(by, counts);
  }
  std::ranges::stable_sort(out, {}, &line::of);
  return out;
}

void board::write(exposition& to) const {
  std::vector<const part*> all;
  {
    const std::scoped_lock held(lock_);
    for (const auto& one : parts_) all.push_back(one.get());
  }
  for (const part* one : all) {
    if (one->write)
      one->write(to);
    else
      write(*one, to);
  }
}

void board::write(const part& one, exposition& to) const {
  const std::vector<line> all = shown(one);
  const std::span<const line> rows = rows_of(all);
  const auto& families = one.declares->families();
  for (std::size_t i = 0; i < families.size(); ++i) {
    to.family(families[i].what, families[i].name, families[i].help);
    samples in_family(to, most_rows);
    for (auto at = rows.begin(); at != rows.end();) {
      exposition::labels of;
      for (const auto& [name, value] : at->of) of.push_back({name, value});
      const auto end = std::find_if(at, rows.end(), [&](const line& each) { return each.of != at->of; });
      in_family.begin(std::move(of), static_cast<std::size_t>(end - at));
      for (; at != end; ++at) at->counts->families()[i].write(in_family);
      in_family.end();
    }
  }
}

} // namespace coppice::metrics
