// SPDX-License-Identifier: MIT
// The log's queue and its thread. While one batch is synced, the next one gathers. So the number of requests
// that share an fsync follows from the speed of the disk, and no request waits for a timer.
#include "durable/log.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>

#include "base/thread.hpp"

namespace coppice::durable {
namespace {

// Threads that are about to submit are waited for no longer than this. A fast disk syncs in less.
constexpr std::chrono::microseconds longest_gathering{200};

} // namespace

base::result<std::unique_ptr<shared_log>> shared_log::open(disk& on, const std::string& folder,
                                                           const log_options& with) {
  auto over = engine::open(on, folder, with.segments);
  if (!over) return unexpected(std::move(over.error()));
  std::unique_ptr<shared_log> made(new shared_log(std::move(*over), with));
  auto started = base::start_thread([&of = *made] { of.write_all(); });
  if (!started) return unexpected(std::move(started.error()).context("log " + folder));
  made->writer_ = std::move(*started);
  return made;
}

shared_log::~shared_log() {
  {
    const std::lock_guard hold(mutex_);
    ends_ = true;
  }
  more_.notify_one();
  if (writer_.joinable()) writer_.join();
}

base::status shared_log::submit(request what, outcome done) {
  const std::size_t size = engine::request_size(what);
  if (size > engine_->longest_request())
    return base::fail(base::errc::limit, "the request is longer than a quarter of a segment");
  {
    const std::lock_guard hold(mutex_);
    if (queued_ + size > options_.longest_queue)
      return base::fail(base::errc::limit, "too much waits for the log already");
    queue_.push_back({std::move(what), std::move(done), size});
    queued_ += size; // last: if memory runs out above, nothing was queued
  }
  more_.notify_one();
  return {};
}

// Submits a request without a group. It is refused, and its outcome comes in the order of all requests.
void shared_log::settle() {
  std::promise<void> reached;
  {
    const std::lock_guard hold(mutex_);
    queue_.push_back({{}, [&reached](const base::status&) { reached.set_value(); }, 0});
  }
  more_.notify_one();
  reached.get_future().wait();
}

std::vector<shared_log::waiting> shared_log::take() {
  std::unique_lock hold(mutex_);
  more_.wait(hold, [this] { return ends_ || !queue_.empty(); });
  // Threads that are about to submit get the processor first, as long as that brings more requests. Otherwise
  // a disk that syncs at once would do an fsync for each request.
  const bool gathers = gathering_.pays(queue_.size());
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t seen = 0; gathers && seen < queue_.size() && queued_ < engine_->longest_batch() &&
                             std::chrono::steady_clock::now() - began < longest_gathering;) {
    seen = queue_.size();
    hold.unlock();
    std::this_thread::yield();
    hold.lock();
  }
  std::size_t size = 0;
  auto end = queue_.begin();
  while (end != queue_.end() && size + end->size <= engine_->longest_batch()) size += (end++)->size;
  std::vector<waiting> taken(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  queued_ -= size;
  return taken;
}

std::size_t shared_log::waiting_now() {
  const std::lock_guard hold(mutex_);
  return queue_.size();
}

void shared_log::write_all() {
  for (auto taken = take(); !taken.empty(); taken = take()) {
    std::vector<request> requests;
    requests.reserve(taken.size());
    for (waiting& one : taken) requests.push_back(std::move(one.what));
    auto outcomes = engine_->write(requests);
    gathering_.wrote(requests.size(), waiting_now());
    for (std::size_t i = 0; i < taken.size(); ++i)
      if (taken[i].done) taken[i].done(std::move(outcomes[i]));
    engine_->tidy();
  }
  engine_->close();
}

} // namespace coppice::durable
