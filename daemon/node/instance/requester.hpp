// SPDX-License-Identifier: MIT
// A process that asks one question for a caller outside the runtime and hands on the answer. The process may
// wait, and a late answer is dropped with it. The caller gets exactly one answer, whatever becomes of the
// process.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/clock.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// The monotonic time that is `timeout` from now.
inline base::nanos deadline_after(base::nanos timeout) {
  const base::nanos now = base::mono_now();
  return timeout >= runtime::no_deadline - now ? runtime::no_deadline : now + timeout;
}

// Runs `ask` in a process of its own, where it may wait as processes do, and passes its result to `done`.
// `lost` is the answer if the process was killed before it had one. If the process could not be made, the
// answer is what `refused` makes of the spawn's error; without `refused` it is the error, or `lost` if an
// Answer cannot hold an error. `done` is called on a worker's thread, or on the caller's if there is no
// process. Returns the process; none: there is none. Any thread.
template <class Answer>
runtime::pid ask_from_outside(runtime::system& host, std::function<Answer(runtime::process&)> ask,
                              std::function<void(Answer)> done, Answer lost,
                              const std::function<Answer(base::error)>& refused = nullptr) {
  struct question {
    question(std::function<Answer(runtime::process&)> what, std::function<void(Answer)> deliver,
             Answer without)
        : ask(std::move(what)), done(std::move(deliver)), lost(std::move(without)) {}
    std::function<Answer(runtime::process&)> ask;
    std::function<void(Answer)> done;
    Answer lost;
    // Set by the caller once the process has been made, and by a requester that ends before its init. The
    // second of these two gives `lost`.
    std::atomic<bool> one_is_through{false};

    void finish(Answer answer) {
      if (auto deliver = std::exchange(done, nullptr)) deliver(std::move(answer));
    }
    void end_before_init() {
      if (one_is_through.exchange(true)) finish(std::move(lost));
    }
  };
  class requester : public runtime::behaviour {
   public:
    explicit requester(std::shared_ptr<question> of) : it_(std::move(of)) {}
    ~requester() override { begun_ ? it_->finish(std::move(it_->lost)) : it_->end_before_init(); }
    runtime::outcome init(runtime::process& self) override {
      begun_ = true;
      Answer answer = it_->ask(self);
      if (!self.exiting()) it_->finish(std::move(answer));
      return runtime::ignore();
    }
    runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::ignore(); }
    void describe(runtime::description& out) const override { out.behaviour = "request"; }

   private:
    std::shared_ptr<question> it_;
    bool begun_ = false;
  };
  const auto it = std::make_shared<question>(std::move(ask), std::move(done), std::move(lost));
  auto made = host.spawn({}, std::make_unique<requester>(it));
  if (made) {
    it->end_before_init();
    return *made;
  }
  if (refused)
    it->finish(refused(std::move(made.error())));
  else if constexpr (requires { requires std::is_same_v<typename Answer::error_type, base::error>; })
    it->finish(Answer(unexpected(std::move(made.error()))));
  else
    it->finish(std::move(it->lost));
  return {};
}

} // namespace coppice::node
