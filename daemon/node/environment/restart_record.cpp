// SPDX-License-Identifier: MIT
// The file holds three numbers. A file that cannot be read or written counts as none: a node starts even if
// its restarts cannot be counted.
#include "node/environment/restart_record.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace coppice::node {
namespace {

// A run that lasted this long was not a failed start.
constexpr base::nanos long_life = 120 * base::nanos_per_second;
constexpr base::nanos shortest_wait = base::nanos_per_second / 4;
constexpr base::nanos longest_wait = 30 * base::nanos_per_second;

std::optional<earlier_lives> read(const std::string& file) {
  earlier_lives out;
  std::ifstream from(file);
  if (!(from >> out.restarts >> out.in_a_row >> out.started)) return std::nullopt;
  return out;
}

void write(const std::string& file, const earlier_lives& lives) {
  const std::string fresh = file + ".new";
  {
    std::ofstream to(fresh, std::ios::trunc);
    to << lives.restarts << ' ' << lives.in_a_row << ' ' << lives.started << '\n';
  }
  if (std::rename(fresh.c_str(), file.c_str()) != 0) unlink(fresh.c_str());
}

} // namespace

earlier_lives one_more(const earlier_lives& before, base::nanos now) {
  const bool soon = now - before.started < long_life;
  return {before.restarts + 1, soon ? before.in_a_row + 1 : 1, now};
}

base::nanos wait_before(std::uint64_t failures_in_a_row) {
  if (failures_in_a_row < 2) return 0;
  const auto doublings = std::min<std::uint64_t>(failures_in_a_row - 2, 20);
  return std::min(shortest_wait << doublings, longest_wait);
}

restart_record::restart_record(const spec::node_spec& of) {
  const char* const given = std::getenv("RUNTIME_DIRECTORY");
  if (given == nullptr) return;
  const std::string folders(given);
  const std::string& socket = of.control.socket;
  // Several nodes share that folder; the name of a node's socket tells their files apart.
  std::string name = socket == "auto" ? of.node.name : socket.substr(socket.rfind('/') + 1);
  if (name.ends_with(".sock")) name.resize(name.size() - 5);
  file_ = folders.substr(0, folders.find(':')) + "/" + name + ".restarts";
}

earlier_lives restart_record::begin(base::nanos now) {
  if (file_.empty()) return {};
  const auto before = read(file_);
  // The node may wait before it starts; its run time counts from the end of the wait.
  earlier_lives lives = before ? one_more(*before, now) : earlier_lives{0, 0, now};
  lives.started += wait_before(lives.in_a_row);
  write(file_, lives);
  return lives;
}

void restart_record::end() const {
  if (!file_.empty()) unlink(file_.c_str());
}

} // namespace coppice::node
