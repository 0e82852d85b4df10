// SPDX-License-Identifier: MIT
// Runs one tool, such as a compiler or a test, and collects what it prints, up to a bound: the first part,
// which has a compiler's first error, and the last. For the loop's thread.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/program.hpp"
#include "base/uv.hpp"

namespace coppice::cli {

// A text of which the middle is left out if it gets too long.
class bounded_text {
 public:
  static constexpr std::size_t most_head = std::size_t{96} << 10;
  static constexpr std::size_t most_tail = std::size_t{32} << 10;

  void add(std::string_view more);
  // With a line that says how many bytes were left out.
  std::string whole() const;

 private:
  std::string head_, tail_;
  std::size_t left_out_ = 0;
};

struct tool_result {
  base::program_end how;
  bool timed_out = false;
  std::string output; // both of its outputs, as they came

  bool good() const { return how.signal == 0 && how.status == 0 && !timed_out; }
};

// "status 1", "signal 11 (Segmentation fault)".
std::string end_text(base::program_end how);

// The absolute path of a program in the folders of PATH; empty: there is none.
std::string find_in_path(const std::string& name);

class tool_run {
 public:
  // `done` is called once, on the loop; it may destroy this object. After `timeout` (absent: never) the tool
  // is killed.
  static base::result<std::unique_ptr<tool_run>> start(const base::uv::loop& on,
                                                       const base::program_options& what,
                                                       std::optional<std::chrono::milliseconds> timeout,
                                                       std::function<void(tool_result)> done);
  tool_run(const tool_run&) = delete;
  tool_run& operator=(const tool_run&) = delete;
  ~tool_run() = default;

  // Asks the tool to end. `done` is called when it has.
  void end() { program_.end(); }

 private:
  tool_run() = default;
  base::status read_from(const base::uv::loop& on, base::unique_fd& from, base::uv::poll& by);
  void read_some(base::unique_fd& from, base::uv::poll& by);
  void ended(base::program_end how);

  base::program program_;
  std::array<base::uv::poll, 2> outputs_;
  base::uv::timer deadline_;
  bounded_text said_;
  bool timed_out_ = false;
  std::function<void(tool_result)> done_;
};

} // namespace coppice::cli
