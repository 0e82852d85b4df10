// SPDX-License-Identifier: MIT
// See actor_streams.hpp.
#include "behaviours/streams/actor_streams.hpp"

#include <algorithm>
#include <utility>

#include "base/bound.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::outcome;
using runtime::process;

namespace {

const base::bound<unsigned> callbacks_at_once("streams: callbacks in a turn", 64);

} // namespace

std::function<void(std::function<void()>)> run_beside(const process& self) {
  runtime::system& host = self.host();
  const auto worker = static_cast<unsigned>(host.current_worker());
  return [&host, worker](std::function<void()> task) { host.post(worker, std::move(task)); };
}

actor_stream& actor_streams::add(std::shared_ptr<const stream_options> options) {
  all_.push_back(std::make_unique<actor_stream>(++last_id_, static_cast<actor_stream::owner&>(*this),
                                                process_.stay(), std::move(options)));
  return *all_.back();
}

base::status actor_streams::start_tls(actor_stream& stream, const stream_tls& how) {
  auto made = stream_loop::of(process_.stay()).tls(how);
  if (!made) return unexpected(std::move(made.error()));
  return stream.start_tls(*made);
}

actor_streams::place actor_streams::at(std::uint64_t id) const {
  const auto found = std::ranges::lower_bound(all_, id, {}, &actor_stream::id);
  return found != all_.end() && (*found)->id() == id ? found : all_.end();
}

base::status actor_streams::take(stream_parcel& from) {
  auto given = from.stream->take();
  if (!given) return {}; // it has waited for too long, and is closed
  if (auto* const accepted = std::get_if<accepted_stream>(&*given))
    return accept(std::move(*accepted), false);
  handed_stream& handed = std::get<handed_stream>(*given);
  handed.socket.socket.run_there = run_beside(process_);
  auto done = add(handed.options).attach(std::move(handed));
  if (!done) all_.pop_back();
  return done;
}

base::status actor_streams::hand_over(actor_stream& stream, const runtime::destination& to) {
  auto given = stream.hand_over();
  if (!given) return unexpected(std::move(given.error()));
  process_.hand(to, stream_loop::of(process_.stay()).parcel(std::move(*given)));
  return {};
}

base::status actor_streams::accept(accepted_stream from, bool ends_actor) {
  actor_stream& fresh = add(std::move(from.options));
  fresh.count_in(std::move(from.counters), !ends_actor);
  net::tls_options tls;
  if (from.tls != nullptr) {
    tls.context = std::move(from.tls);
    tls.pacer = &stream_loop::of(process_.stay()).pacer();
  }
  from.socket.run_there = run_beside(process_);
  auto done = fresh.adopt(std::move(from.socket), tls, ends_actor);
  if (!done) all_.pop_back();
  return done;
}

base::result<std::uint64_t> actor_streams::connect(outgoing_stream to) {
  stream_loop& shared = stream_loop::of(process_.stay());
  net::tls_options tls;
  if (to.tls) {
    auto made = shared.tls(*to.tls);
    if (!made) return unexpected(std::move(made.error()));
    tls = std::move(*made);
    if (tls.host.empty() && to.port != 0) tls.host = to.host;
  }
  actor_stream& fresh = add(std::move(to.options));
  auto done = fresh.connect(to, std::move(tls));
  if (!done) {
    all_.pop_back();
    return unexpected(std::move(done.error()));
  }
  return fresh.id();
}

void actor_streams::stay_connected(std::shared_ptr<const kept_connection> to, std::string label,
                                   connect_totals& totals) {
  keeper_ =
      std::make_unique<connection_keeper>(*this, process_.stay(), std::move(to), std::move(label), totals);
}

actor_stream* actor_streams::find(std::uint64_t id) const {
  const place found = at(id);
  return found == all_.end() || (*found)->gone() ? nullptr : found->get();
}

void actor_streams::due(actor_stream& stream) {
  due_.push_back(stream.id());
  if (std::exchange(asked_, true)) return;
  process_.request_io();
}

outcome actor_streams::handle(stream_callbacks& to) {
  asked_ = false;
  unsigned budget = callbacks_at_once;
  std::vector<std::uint64_t> now;
  now.swap(due_);
  for (const std::uint64_t id : now) {
    const place found = at(id);
    if (found == all_.end()) continue;
    actor_stream& one = **found;
    if (keeper_ != nullptr && keeper_->has(id)) keeper_->look(one);
    outcome next = runtime::carry_on();
    one.handle(to, budget, next);
    if (next.stops()) return next;
    if (!one.gone()) {
      // The program has closed its end of the stream, or the actor has.
      if (program_ != nullptr && id == programs_stream_ && one.ending()) program_->expect_end();
      continue;
    }
    const bool ends = one.ends_actor();
    one.count_end();
    count_bytes(one);
    if (keeper_ != nullptr && keeper_->has(id)) keeper_->ended(one);
    all_.erase(at(id)); // its callback may have opened other streams
    if (ends) return runtime::stop(program_ != nullptr ? program_->reason() : runtime::reasons::normal());
  }
  process_.reductions(callbacks_at_once - budget);
  if (due_.empty()) { // reuse its memory
    now.clear();
    due_.swap(now);
  }
  return runtime::carry_on();
}

void actor_streams::drain() {
  for (const auto& one : all_) one->drain();
}

// ---- a program ----

actor_streams::~actor_streams() {
  const place left = at(programs_stream_);
  if (left != all_.end()) count_bytes(**left);
}

// Counts the bytes of the program's stream, once.
void actor_streams::count_bytes(const actor_stream& ended) const {
  if (totals_ == nullptr || ended.id() != programs_stream_) return;
  const auto bytes = ended.traffic();
  totals_->count_bytes(bytes.read, bytes.written);
}

base::status actor_streams::run(std::shared_ptr<const program_spec> what, std::string label,
                                program_totals& totals) {
  auto started =
      actor_program::start(process_.stay(), what, std::move(label), totals, [this] { program_ended(); });
  if (!started) {
    totals.count_no_start();
    return unexpected(std::move(started.error()));
  }
  totals_ = &totals;
  program_ = std::move(*started);
  traps_for_program_ = !process_.trap_exit(true);
  actor_stream& fresh = add(what->stream);
  programs_stream_ = fresh.id();
  fresh.name_peer(program_->path());
  fresh.hold_end();
  return fresh.adopt(program_->take_stream(), {}, true);
}

// Bytes that the program wrote before still come, and then the end of its stream. The end does not come if a
// process that has left the program's group holds the other end too.
void actor_streams::program_ended() {
  actor_stream* const stream = find(programs_stream_);
  if (stream == nullptr) return;
  stream->let_end(program_->how_it_ended());
  program_->watch([this] {
    actor_stream* const left = find(programs_stream_);
    if (left != nullptr && left->reads_on()) left->drain();
  });
}

void actor_streams::end_program() {
  if (program_ == nullptr || program_->ended()) return;
  if (actor_stream* const stream = find(programs_stream_)) stream->end();
  program_->end();
  if (!program_->wait(process_)) program_->kill();
}

// The streams stay in all_: a callback about one of them may still wait on its stack.
void actor_streams::close() {
  asked_ = true;
  if (program_ != nullptr) program_->kill();
  if (keeper_ != nullptr) keeper_->stop();
  for (const auto& one : all_) one->close();
}

void actor_streams::reset() {
  asked_ = true;
  if (program_ != nullptr) program_->kill();
  if (keeper_ != nullptr) keeper_->stop();
  for (const auto& one : all_) one->reset();
}

} // namespace coppice::behaviours
