// SPDX-License-Identifier: MIT
// The programs that coppice/testing/cluster.hpp starts: nodes, the client, Erlang. A program that is still
// running ends with its object, and with the test's process. In the thread that made the object.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

/// A file descriptor, closed with its object. -1: none.
class descriptor {
 public:
  explicit descriptor(int number = -1) : number_(number) {}
  descriptor(descriptor&& from) noexcept : number_(std::exchange(from.number_, -1)) {}
  descriptor& operator=(descriptor&& from) noexcept;
  ~descriptor() { close(); }
  /// Its number.
  int get() const { return number_; }
  bool is_open() const { return number_ != -1; }
  void close();

 private:
  int number_;
};

/// Throws testing::failure with the text of errno.
[[noreturn]] void fail_with_errno(const std::string& what);

/// The reading and the writing end of a pipe, neither of which a started program inherits.
std::pair<descriptor, descriptor> make_pipe();

/// Polls until the condition holds; false: it did not within that time.
template <class Condition>
bool eventually(Condition holds, std::chrono::milliseconds patience) {
  using namespace std::chrono_literals;
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

/// A program that was started. `input`, `output` and `errors` become its standard descriptors; -1: /dev/null.
class child {
 public:
  child() = default;
  child(const std::vector<std::string>& command, const std::vector<std::string>& variables, int input,
        int output, int errors);
  child(child&& from) noexcept : pid_(std::exchange(from.pid_, -1)), status_(from.status_) {}
  child& operator=(child&& from) noexcept;
  ~child() { end(); }

  /// Whether it has not ended.
  bool runs();
  /// Sends a signal to it, if it runs.
  void send(int signal);
  /// Waits for its end. The result: its exit status, or 128 and the number of the signal.
  int wait();

 private:
  static std::vector<char*> pointers(const std::vector<std::string>& texts);
  static bool is_among(const std::vector<std::string>& variables, std::string_view one);
  void note(int raw);
  void end();

  pid_t pid_ = -1;
  int status_ = 0;
};

} // namespace coppice::testing::detail

namespace coppice::testing {

/// The output of a program, and its exit status.
struct program_result {
  int status = 0;
  std::string output, errors;
  /// Whether it has succeeded.
  explicit operator bool() const { return status == 0; }
};

} // namespace coppice::testing

namespace coppice::testing::detail {

/// Runs a program to its end.
program_result run_to_end(const std::vector<std::string>& command);

} // namespace coppice::testing::detail
