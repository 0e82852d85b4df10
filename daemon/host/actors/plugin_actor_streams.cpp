// SPDX-License-Identifier: MIT
// The streams of a plugin's actor: their input goes to its callbacks, and they end with it. See
// plugin_actor.hpp. In the process's own turn.
#include <algorithm>

#include "base/log.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/name_or_pid.hpp"
#include "host/actors/plugin_actor.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/streams.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using behaviours::actor_stream;
using behaviours::stream_end;
using runtime::message;
using runtime::outcome;

namespace {

constexpr std::uint32_t most_streams_shown = 100;

} // namespace

behaviours::actor_streams& needs_streams(coppice_actor& self) {
  auto& streams = self.needs_extra().streams;
  if (streams == nullptr) streams = std::make_unique<behaviours::actor_streams>(*self.process);
  return *streams;
}

coppice_stream_info info_of(const actor_stream& stream) {
  const auto lent = [](std::string_view text) {
    return coppice_bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  };
  const auto seen = stream.traffic();
  const net::peer_certificate* const shown = stream.certificate();
  return {.size = sizeof(coppice_stream_info),
          .accepted = stream.ends_actor() ? 1U : 0U,
          .peer = lent(stream.peer()),
          .local = lent(stream.local()),
          .tls = lent(stream.tls_version()),
          .protocol = lent(stream.protocol()),
          .certificate = shown == nullptr ? coppice_bytes{} : lend_bytes(shown->der),
          .subject = shown == nullptr ? coppice_bytes{} : lent(shown->subject),
          .bytes_read = seen.read,
          .bytes_written = seen.written,
          .bytes_queued = seen.queued};
}

class plugin_actor::stream_port final : public behaviours::stream_callbacks {
 public:
  explicit stream_port(plugin_actor& of) : of_(of), on_(of.code_->streams) {}

  outcome on_connect(actor_stream& stream) override {
    const coppice_stream_info info = info_of(stream);
    return call("on_connect", on_.on_connect, stream.id(), &info);
  }
  outcome on_frame(actor_stream& stream, const message& frame) override {
    const coppice_slice lent = slice(frame);
    return call("on_frame", on_.on_frame, stream.id(), &lent);
  }
  outcome on_data(actor_stream& stream, const message& data, std::size_t& used) override {
    const coppice_slice lent = slice(data);
    std::uint64_t taken = used;
    outcome next = call("on_data", on_.on_data, stream.id(), &lent, &taken);
    used = static_cast<std::size_t>(taken);
    return next;
  }
  outcome on_eof(actor_stream& stream) override { return call("on_eof", on_.on_eof, stream.id()); }
  outcome on_drained(actor_stream& stream) override {
    return call("on_drained", on_.on_drained, stream.id());
  }
  outcome on_secured(actor_stream& stream) override {
    const coppice_stream_info info = info_of(stream);
    return call("on_secured", on_.on_secured, stream.id(), &info);
  }
  outcome on_close(actor_stream& stream, stream_end how, const std::string& why) override {
    const coppice_bytes text{reinterpret_cast<const std::uint8_t*>(why.data()), why.size()};
    return call("on_close", on_.on_close, stream.id(), static_cast<std::uint32_t>(how), text);
  }

 private:
  static coppice_slice slice(const message& bytes) {
    const coppice_message lent = lend(bytes);
    return {lent.data, lent.size, lent.owner};
  }
  template <class Function, class... Arguments>
  outcome call(const char* name, Function function, Arguments... arguments) {
    if (function == nullptr) return runtime::carry_on();
    coppice_actor& actor = of_.actor_;
    const std::int32_t status =
        in_turn(actor, name, {}, [&] { return function(&actor, of_.state_, arguments...); });
    return of_.follow_stream(status == COPPICE_UNHANDLED ? COPPICE_OK : status, name);
  }

  plugin_actor& of_;
  const coppice_stream& on_;
};

void plugin_actor::begin_with(behaviours::accepted_stream stream) {
  actor_.needs_extra().begins_with = std::make_unique<behaviours::accepted_stream>(std::move(stream));
}

void plugin_actor::begin_with(std::shared_ptr<const behaviours::kept_connection> connection) {
  actor_.needs_extra().stays_connected = std::move(connection);
}

bool plugin_actor::begin_with(std::shared_ptr<const behaviours::program_spec> program) {
  if (!actor_.takes_streams) return false;
  actor_.needs_extra().runs = std::move(program);
  return true;
}

// The actor's name in the log.
std::string plugin_actor::label() const {
  return behaviours::name_or_pid(*actor_.process);
}

outcome plugin_actor::take_first_stream() {
  if (auto program = std::exchange(actor_.extra->runs, nullptr)) {
    auto& totals = *identity().programs;
    if (auto running = needs_streams(actor_).run(std::move(program), label(), totals); !running) {
      runtime::message_writer why;
      why.tuple(2);
      why.atom("port");
      why.binary(running.error().text);
      return runtime::stop(why.take());
    }
    return runtime::carry_on();
  }
  if (auto to = std::exchange(actor_.extra->stays_connected, nullptr))
    needs_streams(actor_).stay_connected(std::move(to), label(), *identity().connects);
  if (actor_.extra->begins_with == nullptr) return runtime::carry_on();
  const auto first = std::exchange(actor_.extra->begins_with, nullptr);
  // The client has gone already, or no file descriptor is left.
  if (!needs_streams(actor_).accept(std::move(*first))) return runtime::ignore();
  return runtime::carry_on();
}

outcome plugin_actor::take_io() {
  if (actor_.extra == nullptr) return runtime::carry_on();
  if (actor_.extra->datagrams != nullptr)
    if (outcome next = take_datagrams(); next.stops()) return next;
  if (actor_.extra->streams == nullptr) return runtime::carry_on();
  stream_port port(*this);
  return actor_.extra->streams->handle(port);
}

outcome plugin_actor::take_parcel(runtime::parcel& given) {
  auto* const stream = dynamic_cast<behaviours::stream_parcel*>(&given);
  if (stream == nullptr) return runtime::carry_on();
  const base::status taken = actor_.takes_streams
                                 ? needs_streams(actor_).take(*stream)
                                 : base::fail(base::errc::invalid, "its actor has no callbacks for streams");
  if (!taken)
    base::log::warning("tcp", "a connection that an actor of {}:{} was given is closed: {}",
                       actor_.is->plugin, actor_.is->actor, taken.error().text);
  return runtime::carry_on();
}

// Takes two kinds of messages: the listener's drain notice, and an exit signal that is trapped only because
// the actor runs a program. That signal ends the actor as if it were not trapped.
std::optional<outcome> plugin_actor::taken_for_streams(const message& m) {
  behaviours::actor_streams& streams = *actor_.streams();
  behaviours::gen::exit_notice exit;
  if (streams.traps_for_program() && behaviours::gen::read_exit(*actor_.process, m, exit))
    return exit.reason == runtime::reasons::normal() ? runtime::carry_on() : runtime::stop(exit.reason);
  if (!actor_.process->origin().notice || !runtime::is_atom(m, behaviours::drain_notice)) return std::nullopt;
  streams.drain();
  return runtime::carry_on();
}

void plugin_actor::end_program() {
  if (behaviours::actor_streams* const of = actor_.streams()) of->end_program();
}

message plugin_actor::shown_program() const {
  const behaviours::actor_streams* const streams = actor_.streams();
  if (streams == nullptr) return {};
  const behaviours::actor_program* const of = streams->its_program();
  if (of == nullptr) return shown_streams();
  const actor_stream* const stream = streams->program_stream();
  const auto seen = stream == nullptr ? actor_stream::byte_counts() : stream->traffic();
  runtime::message_writer out(256);
  out.map(5);
  out.atom("program");
  out.binary(of->path());
  out.atom("pid");
  out.unsigned_integer(static_cast<std::uint64_t>(of->pid()));
  out.atom("read");
  out.unsigned_integer(seen.read);
  out.atom("written");
  out.unsigned_integer(seen.written);
  out.atom("queued");
  out.unsigned_integer(seen.queued);
  return out.take();
}

message plugin_actor::with_streams(message engine) const {
  const message streams = shown_streams();
  if (!streams) return engine;
  if (!engine) return streams;
  etf::cursor own(engine.bytes());
  etf::cursor added(streams.bytes());
  std::uint32_t own_pairs = 0;
  std::uint32_t added_pairs = 0;
  own.read_map(own_pairs);
  added.read_map(added_pairs);
  runtime::message_writer out(engine.size() + streams.size());
  out.map(own_pairs + added_pairs);
  out.raw(own.rest());
  out.raw(added.rest());
  return out.take();
}

message plugin_actor::shown_streams() const {
  if (actor_.streams() == nullptr) return {};
  const behaviours::actor_streams& of = *actor_.streams();
  const auto number = [](runtime::message_writer& out, std::string_view key, std::uint64_t value) {
    out.atom(key);
    out.unsigned_integer(value);
  };
  std::uint32_t count = 0;
  for (const auto& one : of.all()) count += one->gone() ? 0 : 1;
  const behaviours::connection_keeper* const keeper = of.keeper();
  if (count == 0 && keeper == nullptr) return {};
  const std::uint32_t shown = std::min(count, most_streams_shown);
  runtime::message_writer out(1024);
  out.map(keeper == nullptr ? 2 : 3);
  number(out, "streams", count);
  if (keeper != nullptr) {
    out.atom("connect");
    out.map(4);
    out.atom("to");
    out.binary(keeper->target());
    out.atom("up");
    out.boolean(keeper->up());
    number(out, "tries", keeper->tries());
    number(out, "failed", keeper->failed());
  }
  out.atom("connections");
  if (shown != 0) out.list(shown);
  std::uint32_t left = shown;
  for (const auto& one : of.all()) {
    if (one->gone() || left == 0) continue;
    --left;
    const auto seen = one->traffic();
    out.map(7);
    number(out, "id", one->id());
    out.atom("peer");
    out.binary(one->peer());
    out.atom("open");
    out.boolean(one->is_open());
    out.atom("tls");
    out.binary(one->tls_version());
    number(out, "read", seen.read);
    number(out, "written", seen.written);
    number(out, "queued", seen.queued);
  }
  out.nil();
  return out.take();
}

void plugin_actor::end_streams(bool orderly) noexcept {
  close_sockets();
  behaviours::actor_streams* const streams = actor_.streams();
  if (streams == nullptr) return;
  if (orderly)
    streams->close();
  else
    streams->reset();
}

} // namespace coppice::host
