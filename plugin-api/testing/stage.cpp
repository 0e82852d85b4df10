// SPDX-License-Identifier: MIT
// What a test gives a stage, and what it takes from it. In the test's thread.
#include <coppice/testing/stage.hpp>

namespace coppice::testing {

void configure_stage(actor& of, const value& options) {
  detail::staged& stage = detail::staged::of(of.process());
  if (const auto wrong = stage.configure(options, false)) throw failure(*wrong);
  stage.settle();
}

std::uint64_t buffered(actor& of) {
  return detail::staged::of(of.process()).buffered();
}

std::uint64_t dropped(actor& of) {
  return detail::staged::of(of.process()).dropped();
}

namespace detail {

void staged_peer::cancel(const value& reason) {
  stage_->ended_by_peer(link_, false, reason);
  stage_->settle();
}

void staged_peer::down(const value& reason) {
  stage_->ended_by_peer(link_, true, reason);
  stage_->settle();
}

staged_peer::staged_peer(std::shared_ptr<staged> stage, shared_link link)
    : stage_(std::move(stage)), link_(std::move(link)) {}

std::shared_ptr<staged> staged_peer::stage_of(actor& of) {
  if (!of.alive()) throw failure("this stage has ended, and takes no subscription");
  return std::static_pointer_cast<staged>(staged::of(of.process()).shared_from_this());
}

} // namespace detail
consumer_below::consumer_below(actor& of, const value& options, const value& tag)
    : staged_peer(stage_of(of), nullptr) {
  link_ = stage_->subscribed_by_peer(options, tag);
  stage_->settle();
}

consumer_below& consumer_below::ask(std::uint64_t count) {
  stage_->asked_by_peer(link_, count);
  stage_->settle();
  return *this;
}

producer_above::producer_above(actor& of, const value& options, const value& name)
    : staged_peer(stage_of(of), nullptr) {
  link_ = stage_->subscribe(name, options);
  if (!link_) throw failure("this is no consumer, or no consumer subscribes with these options");
}

std::vector<producer_above> producer_above::of(actor& of) {
  std::vector<producer_above> out;
  const auto stage =
      std::static_pointer_cast<detail::staged>(detail::staged::of(of.process()).shared_from_this());
  for (const auto& each : stage->links())
    if (!each->of_consumer) out.push_back(producer_above(stage, each));
  return out;
}

std::uint64_t producer_above::asked() const {
  std::uint64_t all = 0;
  for (const std::uint64_t each : link_->asks) all += each;
  return all;
}

producer_above& producer_above::deliver(const value& events) {
  stage_->delivered_by_peer(link_, events);
  stage_->settle();
  return *this;
}

} // namespace coppice::testing
