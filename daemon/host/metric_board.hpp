// SPDX-License-Identifier: MIT
// The metrics of a node's plugins: cells that plugins add to and /metrics reads, by plugin, name and labels.
// A cell stays where it is as long as the board, so that an actor counts without asking, and a later
// generation goes on where the former one was. The number of cells is bounded. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::host {

struct metric_series {
  std::vector<std::pair<std::string, std::string>> labels; // in the order of their names
  std::int64_t value = 0;
};

struct metric_family {
  std::string name; // PLUGIN_NAME
  bool is_counter = true;
  std::string help;
  std::vector<metric_series> series;
};

class metric_board {
 public:
  static constexpr std::size_t most_series = 10'000;
  static constexpr std::size_t most_labels = 8;
  static constexpr std::size_t longest_name = 64;
  static constexpr std::size_t longest_text = 128;

  using labels = std::vector<std::pair<std::string, std::string>>;

  metric_board() = default;
  metric_board(const metric_board&) = delete;
  metric_board& operator=(const metric_board&) = delete;

  // Never null: what cannot be shown has the cell that nobody sees. Its first refusal of each plugin is
  // logged.
  std::int64_t* cell(std::string_view plugin, bool is_counter, std::string_view name, std::string_view help,
                     labels of);

  // A copy, in the order of names and labels.
  std::vector<metric_family> families() const;
  // How often a cell was refused.
  std::uint64_t refused() const;

 private:
  struct alignas(64) slot { // of its own cache line: actors count on different threads
    std::int64_t value = 0; // by __atomic_…, since plugins in C do
  };
  struct family {
    bool is_counter = true;
    std::string help;
    std::map<labels, slot*> series;
  };

  std::int64_t* refuse(std::string_view plugin, std::string_view name, std::string_view why);

  mutable std::mutex lock_;                             // guards all but the slots' values
  std::map<std::string, family, std::less<>> families_; // by PLUGIN_NAME
  std::deque<slot> slots_;                              // its elements stay where they are
  slot unseen_;
  std::uint64_t refused_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused_to_; // by plugin
};

} // namespace coppice::host
