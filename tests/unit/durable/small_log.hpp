// SPDX-License-Identifier: MIT
// A log on a disk in memory, and short functions for what tests write to it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "durable/engine.hpp"
#include "durable/memory_disk.hpp"

namespace coppice::test {

inline constexpr const char* log_folder = "/log";

inline durable::request add(durable::group_id group, std::uint64_t index, std::string bytes,
                            std::uint64_t term = 1) {
  return {group, {durable::append{{index, term, std::move(bytes)}}}};
}
inline durable::request set(durable::group_id group, std::string key, std::string value) {
  return {group, {durable::set_value{std::move(key), std::move(value)}}};
}

inline base::result<std::unique_ptr<durable::engine>> try_open(memory_disk& on,
                                                               std::uint32_t segment = 4096) {
  return durable::engine::open(on, log_folder, {.segment_bytes = segment});
}
inline std::unique_ptr<durable::engine> open_log(memory_disk& on, std::uint32_t segment = 4096) {
  auto opened = try_open(on, segment);
  REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string() : opened.error().text));
  return std::move(*opened);
}
inline durable::group_id group_of(durable::engine& of, const std::string& name) {
  const auto found = of.group(name);
  REQUIRE_MESSAGE(found.has_value(), (found ? std::string() : found.error().text));
  return *found;
}
inline base::status write(durable::engine& to, durable::request one) {
  auto how = to.write({&one, 1})[0];
  to.tidy();
  return how;
}
// The process ends at once, without closing anything.
inline void drop(memory_disk& on, std::unique_ptr<durable::engine>& of) {
  on.power_off();
  of.reset();
  on.kill();
}
// Entries of the group, as "index:term:bytes".
inline std::vector<std::string> entries_of(durable::engine& of, durable::group_id group) {
  std::vector<std::string> out;
  const auto report = of.report(group);
  if (!report || report->last < report->first) return out;
  const auto read = of.read(group, report->first, ~std::size_t{0});
  if (!read) return {read.error().text};
  for (const auto& one : *read)
    out.push_back(std::to_string(one.index) + ":" + std::to_string(one.term) + ":" + one.bytes);
  return out;
}
inline std::string segment_path(std::uint64_t number) {
  return std::string(log_folder) + "/" + durable::segment_name(number);
}

} // namespace coppice::test
