// SPDX-License-Identifier: MIT
// See log_actors.hpp. A handler that was removed and added again has another queue, and so another feed.
#include "services/log/log_actors.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log_settings.hpp"
#include "runtime/attribution.hpp"

namespace coppice::services {

namespace {

constexpr std::chrono::seconds patience{8};

void tell(runtime::system& system, const runtime::pid& feed) {
  system.notify(runtime::destination(feed), runtime::message::atom("look"));
}

} // namespace

void log_actors::use(const std::vector<log_actor>& wanted) {
  const std::scoped_lock guard(lock_);
  if (stopped_) return;
  // Before the first line reaches an actor, so that no line that it causes comes without its cause.
  base::log::set_cause(wanted.empty() ? nullptr : &runtime::processes_at_work);
  std::vector<feed> former;
  former.swap(feeds_);
  for (const log_actor& one : wanted) {
    const auto lines = base::log::handler_queue(one.handler);
    if (lines == nullptr) continue;
    const auto there = std::ranges::find_if(former, [&](const feed& known) {
      const std::scoped_lock held(known.order->lock);
      return known.lines == lines && !known.order->ended;
    });
    if (there == former.end()) {
      begin(one, lines);
      continue;
    }
    {
      const std::scoped_lock held(there->order->lock);
      there->order->wanted = one;
    }
    tell(system_, there->process);
    feeds_.push_back(std::move(*there));
    former.erase(there);
  }
  for (const feed& one : former) end(one);
}

void log_actors::begin(const log_actor& wanted, std::shared_ptr<base::log::log_queue> lines) {
  const auto order = std::make_shared<log_feed_order>();
  order->wanted = wanted;
  runtime::spawn_options options;
  options.label = "services/" + base::log::handler_label(wanted.handler);
  options.of_node = true;
  options.trap_exit = true;
  auto made = system_.spawn(std::move(options), std::make_unique<log_feed>(order, lines));
  if (!made) {
    base::log::error("log", "{} gets no lines: {}", base::log::handler_label(wanted.handler),
                     made.error().text);
    return lines->wake_by({}); // a feed that has ended may have left its function, which needs the system
  }
  feeds_.push_back({wanted.handler, std::move(lines), order, *made});
}

void log_actors::end(const feed& one) {
  {
    const std::scoped_lock held(one.order->lock);
    one.order->stop = true;
  }
  tell(system_, one.process);
}

void log_actors::stop() {
  std::vector<feed> former;
  {
    const std::scoped_lock guard(lock_);
    stopped_ = true;
    former.swap(feeds_);
  }
  for (const feed& one : former) end(one);
  const auto until = std::chrono::steady_clock::now() + patience;
  for (const feed& one : former) {
    std::unique_lock held(one.order->lock);
    one.order->change.wait_until(held, until, [&one] { return one.order->ended; });
  }
  for (const feed& one : former) one.lines->wake_by({});
  base::log::set_cause(nullptr);
}

} // namespace coppice::services
