// SPDX-License-Identifier: MIT
// The process that gives lines of the log to the actor of a handler (node.log.handlers). It starts the
// actor, and starts it again when it ends: after a second, then two, at most thirty. Lines come in batches:
//   {log, [#{time, level, module, message, fields}, ...]}
//     time     microseconds since 1970 in UTC, as in OTP's logger
//     level    trace | debug | info | notice | warning | error
//     module   an atom
//     message  a binary
//     fields   a map of binaries to binaries
//
// The actor gets the next batch when it has handled the one before, and not sooner than a tenth of a second
// after it; meanwhile lines wait in the handler's bounded queue. Lines of the actor and of this process, and
// lines that they cause, are left out. In the process's own turn.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/log_queue.hpp"
#include "base/secret.hpp"
#include "behaviours/gen/native_server.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::services {

// The actor of a handler.
struct log_actor {
  std::string handler; // the handler's name
  std::string actor;   // "PLUGIN" or "PLUGIN:ACTOR"
  runtime::message args{};
  base::secrets_ptr secrets{}; // the values of the markers in `args`; null: none
};

// The node's orders for a feed, and whether the feed has ended. Shared by the node and the feed; any thread.
struct log_feed_order {
  std::mutex lock; // guards the members below
  std::condition_variable change;
  log_actor wanted;
  bool stop = false;
  bool ended = false;
};

// The message {log, Lines} described above.
runtime::message log_message(const std::vector<base::log::record>& lines);

class log_feed final : public behaviours::native_server {
 public:
  static constexpr std::size_t most_lines = 500; // in a batch
  static constexpr std::size_t most_bytes = std::size_t{256} << 10;

  // The process that spawns it sets trap_exit, and sends the notice `look` when the order has changed.
  log_feed(std::shared_ptr<log_feed_order> order, std::shared_ptr<base::log::log_queue> lines);
  ~log_feed() override;

  runtime::outcome receive_answer(runtime::process& self, std::uint64_t number,
                                  runtime::ask_result result) override;

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  enum class phase : std::uint8_t {
    running,
    draining, // the handler is removed: the actor still gets the lines that wait
    ending,   // the actor was told to end
  };

  runtime::outcome work(runtime::process& self);
  void read_order(runtime::process& self);
  void start_actor(runtime::process& self);
  void end_actor(runtime::process& self);
  void actor_ended(runtime::process& self, const runtime::message& reason);
  // Starts the actor again later, after a longer wait each time.
  void try_later(runtime::process& self, const std::string& what);
  void send(runtime::process& self);
  void wake_at(runtime::process& self, base::nanos at);

  const std::shared_ptr<log_feed_order> order_;
  const std::shared_ptr<base::log::log_queue> lines_;
  log_actor of_;
  std::string label_;
  phase phase_ = phase::running;
  base::nanos until_ = 0; // monotonic: the end of draining, or when an actor that was told to end is killed
  runtime::pid actor_{};  // none: it does not run
  bool replaced_ = false; // the actor was told to end because it is replaced
  base::nanos started_ = 0;
  base::nanos start_at_ = 0;           // monotonic: the actor is not started before
  base::nanos wait_ = 0;               // before the next start; 0: the last one was good
  std::optional<std::uint64_t> asked_; // the batch that the actor handles
  std::size_t asked_lines_ = 0;        // lines taken from the queue and not handled yet
  base::nanos next_batch_ = 0;         // monotonic: no batch is sent before
  std::uint64_t timer_ = 0;            // 0: none
  base::nanos wakes_at_ = 0;
};

} // namespace coppice::services
