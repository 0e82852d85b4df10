// SPDX-License-Identifier: MIT
// The program of one actor, from its start to its end: its bytes are a stream of the actor's, what it says on
// standard error is lines of the log. On the loop's thread but for wait().
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/program.hpp"
#include "base/uv.hpp"
#include "behaviours/programs/program_spec.hpp"
#include "behaviours/programs/program_totals.hpp"
#include "net/stream/stream.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class actor_program {
 public:
  // `label`: the actor's, for the log. `on_end` is called once, from the loop. It is counted in `totals`,
  // which outlives it.
  static base::result<std::unique_ptr<actor_program>> start(uv_loop_t* loop,
                                                            std::shared_ptr<const program_spec> spec,
                                                            std::string label, program_totals& totals,
                                                            std::function<void()> on_end);
  actor_program(const actor_program&) = delete;
  actor_program& operator=(const actor_program&) = delete;
  // What is left of its group is killed.
  ~actor_program();

  // Its standard input and output, once.
  net::accepted_socket take_stream();
  const std::string& path() const { return spec_->run.command.front(); }
  pid_t pid() const { return pid_; }
  const std::optional<base::program_end>& ended() const { return ended_; }
  // "it exited with 3"
  std::string how_it_ended() const;
  // Why its actor ends with it: normal, {exit_status, Status} or {exit_signal, Number}.
  runtime::message reason() const;

  // As base::program has them.
  void end() { running_.end(); }
  void kill() { running_.kill(); }
  // It has closed what it talks by, as programs do when they exit: end() if it has not ended in a while.
  void expect_end();
  // After end(): parks the process, whose turn it is, until the program has ended. False: it may run still.
  bool wait(runtime::process& self);
  // Calls `look` every so often from now on.
  void watch(std::function<void()> look);

 private:
  // What wait() waits for, of which both threads have a share.
  struct latch {
    std::mutex lock;
    std::condition_variable changed;
    bool open = false;
  };

  actor_program(uv_loop_t* loop, std::shared_ptr<const program_spec> spec, std::string label,
                std::function<void()> on_end);
  void note_end(base::program_end how);
  void read_errors();
  void tell_line(std::string_view line) const;

  const std::shared_ptr<const program_spec> spec_;
  const std::string label_;
  uv_loop_t* const loop_;
  const std::function<void()> on_end_;
  const std::shared_ptr<latch> latch_ = std::make_shared<latch>();
  program_totals* totals_ = nullptr; // once it runs
  pid_t pid_ = 0;                    // also when it has ended
  std::optional<base::program_end> ended_;
  std::string line_; // of standard error, that has not ended
  base::unique_fd errors_;
  base::uv::poll errors_readable_;
  base::uv::timer look_;
  base::program running_; // its end is told by on_end_: destroyed first
};

} // namespace coppice::behaviours
