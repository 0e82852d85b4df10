// SPDX-License-Identifier: MIT
// See metric_board.hpp.
#include "host/metric_board.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace coppice::host {
namespace {

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > metric_board::longest_name || text[0] < 'a' || text[0] > 'z')
    return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// Help is written as it is.
bool is_help(std::string_view text) {
  return text.size() <= metric_board::longest_text && std::ranges::all_of(text, [](char c) {
           return c != '\\' && c != '"' && static_cast<unsigned char>(c) >= 0x20;
         });
}

// Sorted by name, each name once.
bool put_in_order(metric_board::labels& all) {
  if (all.size() > metric_board::most_labels) return false;
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_name(all[i].first) || all[i].second.size() > metric_board::longest_text) return false;
    if (i != 0 && all[i].first == all[i - 1].first) return false;
  }
  return true;
}

} // namespace

std::int64_t* metric_board::cell(std::string_view plugin, bool is_counter, std::string_view name,
                                 std::string_view help, labels of) {
  const bool fit = is_name(name) && is_help(help) && put_in_order(of);
  const std::lock_guard held(lock_);
  if (!fit) return refuse(plugin, name, "its name, help or labels are malformed");
  std::string full(plugin);
  (full += '_') += name;
  const auto [found, made] = families_.try_emplace(std::move(full));
  family& one = found->second;
  if (made) {
    one.is_counter = is_counter;
    one.help = help;
  }
  if (one.is_counter != is_counter) return refuse(plugin, name, "it is a metric of the other kind already");
  if (const auto known = one.series.find(of); known != one.series.end()) return &known->second->value;
  if (slots_.size() == most_series) {
    if (made) families_.erase(found);
    return refuse(plugin, name, "there are too many series");
  }
  slot& fresh = slots_.emplace_back();
  one.series.emplace(std::move(of), &fresh);
  return &fresh.value;
}

std::int64_t* metric_board::refuse(std::string_view plugin, std::string_view name, std::string_view why) {
  ++refused_;
  if (refused_to_[std::string(plugin)]++ == 0) {
    const bool printable = is_name(name);
    base::log::warning("metrics", "{}: the metric {} is not shown: {}", plugin,
                       printable ? name : "(no name)", why);
  }
  return &unseen_.value;
}

std::vector<metric_family> metric_board::families() const {
  std::vector<metric_family> out;
  const std::lock_guard held(lock_);
  for (const auto& [name, from] : families_) {
    metric_family& one = out.emplace_back(metric_family{name, from.is_counter, from.help, {}});
    for (const auto& [of, at] : from.series)
      one.series.push_back({of, __atomic_load_n(&at->value, __ATOMIC_RELAXED)});
  }
  return out;
}

std::uint64_t metric_board::refused() const {
  const std::lock_guard held(lock_);
  return refused_;
}

} // namespace coppice::host
