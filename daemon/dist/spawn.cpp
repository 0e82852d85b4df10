// SPDX-License-Identifier: MIT
// Reads the options of erlang:spawn_opt as they arrive. Any thread.
#include "dist/spawn.hpp"

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>

namespace coppice::dist {
namespace {

// Options about a BEAM process's memory, and priority, which a peer may not choose here. They are accepted
// and have no effect.
constexpr std::array<std::string_view, 7> without_effect{
    "priority",      "fullsweep_after",    "min_heap_size", "min_bin_vheap_size",
    "max_heap_size", "message_queue_data", "async_dist"};

bool read_option(etf::cursor& in, spawn_request& into) {
  std::string_view name;
  if (in.read_atom(name)) {
    if (name == "link") return into.link = true;
    if (name == "monitor") return into.monitor = true;
    return false;
  }
  if (!in.read_tuple_of(2) || !in.read_atom(name) || !in.skip()) return false;
  if (name == "monitor") return into.monitor = true;
  return std::find(without_effect.begin(), without_effect.end(), name) != without_effect.end();
}

} // namespace

void read_spawn_options(etf::bytes options, spawn_request& into) {
  etf::cursor in(options);
  std::uint32_t count = 0;
  into.known_options = in.read_list(count);
  for (std::uint32_t i = 0; i < count && into.known_options; ++i) into.known_options = read_option(in, into);
}

} // namespace coppice::dist
