// SPDX-License-Identifier: MIT
// A stage under test, as its test and its actor use it. In the test's thread.
#include <coppice/testing/stage_engine.hpp>

#include <utility>

#include "behaviours/gen/tagged.hpp"
#include "stage_port.hpp"

namespace coppice::testing::detail {

using behaviours::stage_engine;
using runtime::message;

namespace {

message of_term(const value& term) {
  return message::copy_of(term.bytes());
}

message subscribe_request(const value& former, const value& to, const value& options) {
  return of_term(std::tuple(etf::atom{"$subscribe"}, former.term(), to.term(), options.term()));
}

} // namespace

staged::staged(world& of) : port_(std::make_unique<staged_port>(of)) {}

staged::~staged() = default;

bool staged::is_stage(const world& w) {
  const std::string_view is = w.type->behaviour;
  return is == "producer" || is == "producer_consumer" || is == "consumer";
}

staged& staged::of(world& w) {
  if (!is_stage(w)) throw failure("this actor is no stage");
  return engine_of<staged>(w);
}

// ---- for the test ----

shared_link staged::subscribe(const value& to, const value& options) {
  if (!port_->consumes() || !behaviours::read_subscription(options.bytes())) return nullptr;
  const auto found = std::make_shared<shared_link>();
  const message request = subscribe_request(atom("nil"), to, options);
  port_->add([this, found, request](stage_engine& of) {
    const std::size_t before = port_->links.size();
    auto next = of.cast(request.bytes());
    if (port_->links.size() > before) *found = port_->links[before];
    return next;
  });
  settle();
  return *found;
}

shared_link staged::subscribed_by_peer(const value& options, const value& tag) {
  if (!port_->produces()) throw failure("this is a consumer, which has no consumers");
  const shared_link made = std::make_shared<staged_link>();
  made->pid = fresh_pid("peer@localhost");
  made->tag = tag ? tag : fresh_reference("peer@localhost");
  made->party = std::pair(made->pid.term(), made->tag.term());
  made->options = options;
  port_->links.push_back(made);
  port_->add_message(stage_message("$gen_producer", *made,
                                   std::tuple(etf::atom{"subscribe"}, etf::atom{"nil"}, options.term())));
  return made;
}

void staged::asked_by_peer(const shared_link& by, std::uint64_t count) {
  port_->add([by, count](stage_engine& of) -> std::optional<runtime::outcome> {
    if (!by->open) return std::nullopt;
    by->asked += count;
    return of.receive(stage_message("$gen_producer", *by, std::pair(etf::atom{"ask"}, count)));
  });
}

void staged::delivered_by_peer(const shared_link& by, const value& events) {
  if (by->open) port_->add_message(stage_message("$gen_consumer", *by, events));
}

void staged::ended_by_peer(const shared_link& by, bool down, const value& reason) {
  port_->add([this, by, down, reason](stage_engine& of) -> std::optional<runtime::outcome> {
    if (!by->open) return std::nullopt;
    if (down) return of.down(port_->monitor_of(*by).bytes(), reason.bytes());
    return of.receive(stage_message(by->of_consumer ? "$gen_producer" : "$gen_consumer", *by,
                                    std::pair(etf::atom{"cancel"}, reason.term())));
  });
}

void staged::settle() {
  if (port_->owner() != nullptr) port_->owner()->go_on();
}

const std::vector<shared_link>& staged::links() const {
  return port_->links;
}

std::uint64_t staged::buffered() const {
  return port_->has_engine() ? port_->made().counters().buffered : 0;
}

std::uint64_t staged::dropped() const {
  if (!port_->has_engine()) return 0;
  const behaviours::stage_counters& all = port_->made().counted();
  return all.dropped + all.unrouted;
}

// ---- for the actor ----

bool staged::emit(const value& list) {
  return port_->made().emit(of_term(list));
}

bool staged::ask(const value& party, std::uint64_t count) {
  return port_->made().ask(party.bytes(), count);
}

bool staged::cancel(const value& party, const value& reason) {
  return port_->made().cancel(party.bytes(), reason.bytes());
}

bool staged::subscribe_instead(const value& former, const value& to, const value& options) {
  if (!behaviours::read_subscription(options.bytes())) return false;
  port_->add_cast(subscribe_request(former, to, options));
  return true;
}

void staged::set_demand(bool forward) {
  port_->add_cast(behaviours::tagged("$demand", message::atom(forward ? "forward" : "accumulate").bytes()));
}

void staged::inform_after_events(const value& what) {
  port_->add_cast(behaviours::tagged("$info", what.bytes()));
}

std::optional<std::string> staged::configure(const value& options, bool in_init) {
  return port_->configure(options, in_init);
}

// ---- for its actor ----

std::optional<engine::call> staged::next(world&) {
  return port_->next();
}

nanoseconds staged::due() const {
  return port_->due();
}

void staged::carried_to(world* next) {
  port_->carried_to(next);
}

bool staged::is_of(const world& w) const {
  return port_->owner() == &w;
}

void staged::ended(bool) {
  for (const shared_link& each : port_->links) each->open = false;
}

} // namespace coppice::testing::detail
