// SPDX-License-Identifier: MIT
// Decides in which form a signal leaves, and when. One thread.
#include "dist/outbound.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bound.hpp"
#include "runtime/messages/call_forms.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {
namespace {

using runtime::destination;
using runtime::make_signal;
using runtime::signal;
using runtime::signal_kind;

const base::bound<std::size_t> worth_a_write("dist: messages that are worth a write", 32);
// Bytes that the kernel takes before it has sent them where something goes ahead. Elsewhere it takes more,
// since each of its full buffers costs a wake-up.
constexpr std::size_t most_in_kernel = std::size_t{256} << 10;

std::optional<compression_settings> compression_towards(const peer_node& peer, const options& opts) {
  if ((peer.capabilities & handshake_message::capability::lz4) == 0) return std::nullopt;
  return opts.compression;
}

} // namespace

outbound::outbound(connection_context& of, net::stream& stream)
    : context_(of),
      stream_(stream),
      packer_(of.peer.flags, compression_towards(of.peer, of.settings), of.peer.capabilities == 0),
      builder_(of),
      large_(packer_, stream),
      no_reason_(runtime::reasons::normal()) {
  stream_.set_low_mark(std::min(large_messages::window, of.settings.busy_limit) / 2);
}

void outbound::send(const destination& to, runtime::signal_ptr what) {
  if (large_.empty() || !large_.has(what->from)) {
    send_now(to, std::move(what));
    write_large(); // with many small messages, the network may never ask for more
  } else if (has_room()) {
    large_.hold(to, std::move(what));
  } else {
    release_sender(*what);
  }
  publish();
}

void outbound::send(ready_frames all) {
  const std::size_t count = all.messages;
  if (!has_room()) return context_.counters.dropped(count - 1);
  packer_.write(all.bytes.take(), stream_);
  context_.counters.sent(count);
  idle_ = false;
  publish();
}

void outbound::send_ahead(const destination& to, runtime::signal_ptr what) {
  const runtime::message& payload = what->payload();
  const auto head = builder_.build_short_form(to, *what);
  const bool fits = head ? payload.size() <= packer::longest_short_payload &&
                               stream_.bytes_ahead() + payload.size() <= most_ahead
                         : unsent() <= context_.settings.busy_limit;
  if (!fits || overfull_) return context_.counters.dropped();
  if (!head) return send(to, std::move(what));
  expect_ahead();
  if (!packer_.pack_ahead(*head, payload, stream_)) return;
  context_.counters.sent();
  idle_ = false;
  publish();
}

void outbound::expect_ahead() {
  if (!std::exchange(expects_ahead_, true)) stream_.set_unsent_limit(most_in_kernel);
}

void outbound::send(const control_message& c) {
  pack(c, {runtime::message()});
}

// Whether the signal is a link, monitor or call for a process of another life of the node. Its answer would
// not be accepted from this peer, so this node answers that the process is gone.
bool outbound::is_for_the_gone(const destination& to, const signal& s) const {
  const bool awaits = s.kind == signal_kind::link || s.kind == signal_kind::monitor ||
                      (s.kind == signal_kind::message && (s.flags & signal::of_call) != 0);
  return awaits && to.what() == destination::kind::process && !context_.is_peers(to.process());
}

void outbound::send_now(const destination& to, runtime::signal_ptr what) {
  if (is_for_the_gone(to, *what)) {
    release_sender(*what);
    context_.system.deliver(to, std::move(what));
    return;
  }
  auto head = short_form_of(to, *what);
  if (!head && what->kind == signal_kind::message && (what->flags & signal::bare) != 0) {
    what = enveloped(context_.system.nodes(), to, std::move(what));
    head = short_form_of(to, *what);
  }
  if (large_.is_large(what->payload().size()) && large_.full()) {
    if (has_room()) return large_.wait(to, std::move(what));
    return release_sender(*what);
  }
  if (what->kind == signal_kind::message) {
    if ((what->flags & signal::of_call) != 0) begin_call(to, *what, head.has_value());
    if (to.what() == destination::kind::alias) end_call(to.alias_ref(), what->from);
    if (head) return send_short(*head, *what);
  }
  if (what->kind == signal_kind::spawn_request) return send_spawn_request(std::move(what));
  control_message c;
  if (builder_.build(c, to, *what)) return send_control(c, std::move(what));
  // A monitor, or the end of a relation, that the peer does not know (any more) is no loss.
  if (what->kind == signal_kind::message || what->kind == signal_kind::exit2) context_.counters.dropped();
  release_sender(*what);
}

std::optional<short_form> outbound::short_form_of(const destination& to, const signal& s) const {
  if (s.kind != signal_kind::message || !builder_.short_forms() ||
      !packer_.fits_short_form({s.payload(), s.compression}))
    return std::nullopt;
  return builder_.build_short_form(to, s);
}

void outbound::send_short(const short_form& head, const signal& s) {
  if (has_room()) {
    packer_.pack(head, {s.payload(), s.compression}, stream_);
    written();
  }
  release_sender(s);
}

void outbound::send_control(control_message& c, runtime::signal_ptr what) {
  const packer::content content{what->payload() ? what->payload() : no_reason_, what->compression};
  if (!has_payload(c.what)) {
    c.reason = content.payload.bytes();
    send(c);
  } else if (large_.is_large(content.payload.size())) {
    return begin_large(c, content, std::move(what));
  } else {
    pack(c, content);
  }
  release_sender(*what);
}

void outbound::send_spawn_request(runtime::signal_ptr what) {
  const auto refuse = [&](signal_kind how, runtime::message why) {
    context_.deliver(what->from, make_signal(how, {}, what->ref, std::move(why)));
  };
  if (!context_.words.of(op::spawn_request))
    return refuse(signal_kind::spawn_reply, runtime::message::atom("notsup"));
  control_message c;
  etf::bytes part;
  if (!builder_.build_spawn_request(c, *what, part))
    return refuse(signal_kind::spawn_reply, runtime::message::atom("badarg"));
  const auto arguments = what->payload().slice(part);
  const packer::content payload{arguments, what->compression};
  if (large_.is_large(arguments.size())) return begin_large(c, payload, std::move(what));
  pack(c, payload);
}

// Calls ---------------------------------------------------------------------------------------------------

// Called before the call's message. A monitor that is a message of its own is sent here.
void outbound::begin_call(const destination& to, const signal& call, bool one_message) {
  outgoing_call there{{}, {}, one_message};
  if (to.what() == destination::kind::process) {
    there.target = to.process();
  } else if (!one_message) {
    there.name = std::make_unique<std::string>(to.name());
  }
  context_.relations.add_call(call.ref, std::move(there));
  if (one_message) return;
  control_message c;
  if (builder_.build_call_monitor(c, to, call)) send(c);
}

// Called for a message to an alias of the peer. If the alias is a call's, the message is its answer.
void outbound::end_call(const runtime::reference& answered, const runtime::pid& by) {
  const auto target = context_.relations.take_incoming_call(answered);
  if (!target || *target == by) return;
  context_.deliver(*target, make_signal(signal_kind::demonitor, answered.owner(), answered));
}

void outbound::end_call_monitor(const runtime::reference& ref, const outgoing_call& call) {
  control_message c;
  if (builder_.build_call_demonitor(c, ref, call.target, call.name.get())) send(c);
}

// Large messages ------------------------------------------------------------------------------------------

void outbound::begin_large(const control_message& c, const packer::content& payload,
                           runtime::signal_ptr what) {
  if (!has_room()) return release_sender(*what);
  if (!large_.begin(c, payload, what)) {
    context_.counters.dropped();
    return release_sender(*what);
  }
  context_.counters.sent();
  idle_ = false;
}

// Messages that a sender sent behind a finished large one follow, up to the next that has to wait or take
// turns.
void outbound::write_large() {
  if (large_.empty()) return;
  const auto unwritten = large_.unwritten_bytes();
  while (auto next = large_.next()) {
    if (next->done) release_sender(*next->done);
    auto& behind = next->behind;
    while (!behind.empty()) {
      auto [to, what] = std::move(behind.front());
      behind.pop_front();
      const auto sender = what->from;
      send_now(to, std::move(what));
      if (behind.empty() || !large_.has(sender)) continue;
      large_.hold(sender, std::move(behind));
      break;
    }
  }
  if (large_.unwritten_bytes() != unwritten) idle_ = false;
}

// A process that sent a large message is suspended until all of it has been sent, or never will be.
void outbound::release_sender(const signal& sent) {
  if (sent.kind != signal_kind::message || (sent.flags & signal::awaited) == 0) return;
  auto go_on = make_signal(signal_kind::stop_waiting, {});
  go_on->number = sent.number;
  context_.system.deliver(sent.from, std::move(go_on));
}

// Writing -------------------------------------------------------------------------------------------------

// One message always fits, whatever its length. Called between whole frames, so send_ahead() may put some
// here.
bool outbound::has_room() {
  const std::size_t waits = unsent();
  if (waits > net::write_queue::mark_distance) stream_.mark();
  overfull_ = overfull_ || waits > context_.settings.queue_limit;
  if (overfull_) context_.counters.dropped();
  return !overfull_;
}

void outbound::pack(const control_message& c, const packer::content& payload) {
  if (!has_room()) return;
  if (packer_.pack(c, payload, stream_)) return written();
  context_.counters.dropped();
}

// Messages that are sent in a turn leave at its end, in one write. But the first of many answers leave
// earlier, so that the peer can go on with them while the others are made, rather than each side waiting for
// the other's last answer.
void outbound::written() {
  context_.counters.sent();
  idle_ = false;
  if (++gathered_ < gather_ || answers_due_ < gathered_) return;
  answers_due_ -= std::exchange(gathered_, 0);
  stream_.flush();
}

void outbound::answer(std::size_t messages) {
  gathered_ = 0;
  gather_ = std::max<std::size_t>(worth_a_write, messages / 4);
  answers_due_ = messages;
}

void outbound::tick() {
  if (std::exchange(idle_, true)) packer_.tick(stream_);
}

void outbound::publish() {
  context_.counters.set_queued(unsent() + large_.unwritten_bytes());
}

} // namespace coppice::dist
