// SPDX-License-Identifier: MIT
// A process that asks one question on behalf of someone outside the runtime and hands on the answer: it
// may wait, and an answer that comes too late dies with it. The answer is handed on exactly once,
// whatever becomes of the process.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/clock.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// The monotonic time at which `timeout` from now is over.
inline base::nanos deadline_after(base::nanos timeout) {
  const base::nanos now = base::mono_now();
  return timeout >= runtime::no_deadline - now ? runtime::no_deadline : now + timeout;
}

// Runs `ask` in a process of its own, where it may wait as processes do, and gives `done` what it returns;
// `lost` stands in when there was no room for the process or it was killed before it had an answer.
// `done` is called on a worker's thread, or on the caller's when there was no room. Any thread.
template <class Answer>
void ask_from_outside(runtime::system& host, std::function<Answer(runtime::process&)> ask,
                      std::function<void(Answer)> done, Answer lost) {
  class requester : public runtime::behaviour {
   public:
    requester(std::function<Answer(runtime::process&)> question, std::function<void(Answer)> deliver,
              Answer without)
        : ask_(std::move(question)), done_(std::move(deliver)), lost_(std::move(without)) {}
    ~requester() override { finish(std::move(lost_)); }
    runtime::outcome init(runtime::process& self) override {
      Answer answer = ask_(self);
      if (!self.exiting()) finish(std::move(answer));
      return runtime::ignore();
    }
    runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::ignore(); }
    void describe(runtime::description& out) const override { out.behaviour = "request"; }

   private:
    void finish(Answer answer) {
      if (auto deliver = std::exchange(done_, nullptr)) deliver(std::move(answer));
    }
    std::function<Answer(runtime::process&)> ask_;
    std::function<void(Answer)> done_;
    Answer lost_;
  };
  // A spawn that fails destroys the requester, and with it goes `lost`.
  (void)host.spawn({}, std::make_unique<requester>(std::move(ask), std::move(done), std::move(lost)));
}

} // namespace coppice::node
