// SPDX-License-Identifier: MIT
// The program of one actor, from its start to its end. Its standard input and output are a stream of the
// actor; each line of its standard error is a line of the log. On the loop's thread, except for wait().
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
  // `label`: the actor's, for the log. `on_end` is called once, from the loop. The program is counted in
  // `totals`, which outlives this object.
  static base::result<std::unique_ptr<actor_program>> start(uv_loop_t* loop,
                                                            std::shared_ptr<const program_spec> spec,
                                                            std::string label, program_totals& totals,
                                                            std::function<void()> on_end);
  actor_program(const actor_program&) = delete;
  actor_program& operator=(const actor_program&) = delete;
  // Kills what is left of the program's group.
  ~actor_program();

  // The program's standard input and output. May be taken once.
  net::accepted_socket take_stream();
  const std::string& path() const { return spec_->run.command.front(); }
  pid_t pid() const { return pid_; }
  const std::optional<base::program_end>& ended() const { return ended_; }
  // For people, such as "it exited with 3".
  std::string how_it_ended() const;
  // The reason with which the actor ends: normal, {exit_status, Status} or {exit_signal, Number}.
  runtime::message reason() const;

  // As in base::program.
  void end() { running_.end(); }
  void kill() { running_.kill(); }
  // The program has closed its output, as programs do when they exit. Calls end() if it does not exit soon.
  void expect_end();
  // After end(): parks the process, whose turn it is, until the program has ended. False: it may still run.
  bool wait(runtime::process& self);
  // Calls `look` at regular intervals from now on.
  void watch(std::function<void()> look);

 private:
  // The condition that wait() waits for, shared by both threads.
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
  program_totals* totals_ = nullptr; // set once it runs
  pid_t pid_ = 0;                    // kept when it has ended
  std::optional<base::program_end> ended_;
  std::string line_; // a line of standard error whose end has not come yet
  base::unique_fd errors_;
  base::uv::poll errors_readable_;
  base::uv::timer look_;
  base::program running_; // its end calls on_end_, so it is destroyed first
};

} // namespace coppice::behaviours
