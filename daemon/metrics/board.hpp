// SPDX-License-Identifier: MIT
// The board of a node: every family that its engines, its actors' types, its plugins and its parts have on
// the page of metrics, in the order of their declaration. A family is on the page whether or not it has
// series. The series of an engine end with the engine, those of totals stay as long as the board. Values of
// the node's parts are read when the page is written. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "metrics/counters.hpp"
#include "metrics/exposition.hpp"
#include "metrics/plugin_series.hpp"

namespace coppice::metrics {

class board {
  struct part;

 public:
  // A name and a value each. The names live as long as the program: they are literals.
  using labels = std::vector<std::pair<std::string_view, std::string>>;

  // An engine's place on the board. Its series end when this is destroyed. The board outlives it.
  class entry {
   public:
    entry() = default;
    entry(entry&& other) noexcept { *this = std::move(other); }
    entry& operator=(entry&& other) noexcept;
    ~entry();

   private:
    friend class board;
    entry(board& of, part& in, std::uint64_t number) : board_(&of), part_(&in), number_(number) {}
    board* board_ = nullptr; // null: it has no place
    part* part_ = nullptr;
    std::uint64_t number_ = 0;
  };

  // The counters of one engine, for code that reads them.
  template <class Counters>
  struct row {
    std::string label; // the value of its first label: the engine's place in the tree
    std::shared_ptr<const Counters> counters;
  };

  board();
  board(const board&) = delete;
  board& operator=(const board&) = delete;
  ~board();

  // Declares the families of a kind of counters, which can be made without arguments. A kind that was not
  // declared before is declared when it is first used.
  template <class Counters>
  void declare() {
    (void)part_of<Counters>();
  }
  // Declares families that `write` writes whenever the page is written.
  void declare(std::function<void(exposition&)> write);

  template <class Counters>
  [[nodiscard]] entry enter(labels of, std::shared_ptr<Counters> counts) {
    return enter_in(part_of<Counters>(), std::move(of), std::move(counts));
  }
  // The counters under these labels for all engines that there have been; made when they are first asked
  // for.
  template <class Counters>
  std::shared_ptr<Counters> total(labels of) {
    return std::static_pointer_cast<Counters>(
        total_in(part_of<Counters>(), std::move(of),
                 []() -> std::shared_ptr<counters> { return std::make_shared<Counters>(); }));
  }
  // The counters of the engines that are here now, and totals, in the order of their labels.
  template <class Counters>
  std::vector<row<Counters>> rows() const {
    std::vector<row<Counters>> out;
    for (auto& [of, counts] : shown(std::type_index(typeid(Counters))))
      out.push_back({of.front().second, std::static_pointer_cast<const Counters>(std::move(counts))});
    return out;
  }

  // Plugins' own series. They have a bound of their own, and are on the page where they were declared.
  plugin_series& of_plugins() { return plugins_; }
  void declare_plugins();

  // The whole page.
  void write(exposition& to) const;

 private:
  struct line {
    labels of;
    std::shared_ptr<const counters> counts;
  };

  template <class Counters>
  part& part_of() {
    return part_of(std::type_index(typeid(Counters)),
                   []() -> std::unique_ptr<const counters> { return std::make_unique<Counters>(); });
  }
  part& part_of(std::type_index type, std::unique_ptr<const counters> (*make)());
  entry enter_in(part& in, labels of, std::shared_ptr<const counters> counts);
  std::shared_ptr<counters> total_in(part& in, labels of, std::shared_ptr<counters> (*make)());
  std::vector<line> shown(std::type_index type) const;
  // In the order of their labels.
  std::vector<line> shown(const part& of) const;
  void write(const part& one, exposition& to) const;
  void leave(part& in, std::uint64_t number) noexcept;

  mutable std::mutex lock_;
  std::vector<std::unique_ptr<part>> parts_; // in the order of the page; never removed
  std::uint64_t entered_ = 0;
  plugin_series plugins_;
};

} // namespace coppice::metrics
