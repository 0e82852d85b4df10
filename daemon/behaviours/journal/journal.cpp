// SPDX-License-Identifier: MIT
// See journal.hpp.
#include "behaviours/journal/journal.hpp"

#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view module = "durable";

} // namespace

journal::journal(std::string folder, durable::disk& on) : folder_(std::move(folder)), disk_(on) {}

base::status journal::open() {
  const std::scoped_lock held(lock_);
  if (!tried_) {
    tried_ = true;
    auto opened = durable::shared_log::open(disk_, folder_, {});
    if (opened)
      log_ = std::move(*opened);
    else
      failure_ = std::move(opened.error());
    if (failure_) base::log::error(module, "the durable log cannot be opened: {}", failure_->text);
    if (log_ != nullptr)
      for (const durable::damage& one : log_->damages()) base::log::error(module, "{}", one.text());
  }
  if (failure_) return unexpected(*failure_);
  return {};
}

void journal::open_existing() {
  if (disk_.open(folder_ + "/identity", durable::access::read)) static_cast<void>(open());
}

void journal::close() {
  std::unique_ptr<durable::shared_log> closing;
  {
    const std::scoped_lock held(lock_);
    closing = std::move(log_);
  }
}

durable::shared_log* journal::log() const {
  const std::scoped_lock held(lock_);
  return log_.get();
}

journal_report journal::report() const {
  const std::scoped_lock held(lock_);
  journal_report out;
  out.folder = folder_;
  out.failure = failure_;
  if (log_ == nullptr) return out;
  out.is_open = true;
  out.log = log_->report();
  out.damages = log_->damages();
  if (out.log.failure) out.failure = out.log.failure;
  return out;
}

void journal::look(const std::function<void(const durable::shared_log&)>& look) const {
  const std::scoped_lock held(lock_);
  if (log_ != nullptr) look(*log_);
}

} // namespace coppice::behaviours
