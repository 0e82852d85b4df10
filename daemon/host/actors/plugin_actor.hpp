// SPDX-License-Identifier: MIT
// What every actor of a plugin is, whatever its behaviour: a state, the callbacks of "coppice.lifecycle/1"
// over it, and the part in a reload that carries it from one image's code to another's. A behaviour's class
// derives from its engine and from this one, and brings the callbacks of its own tables. In the process's own
// turn.
#pragma once

#include <coppice/lifecycle.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "behaviours/gen/config_change.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "host/actors/reloadable.hpp"
#include "host/boundary/host.hpp"

namespace coppice::host {

class plugin_actor : public reloadable {
 public:
  const actor_identity& identity() const final { return *actor_.is; }
  std::uint64_t generation() const final { return generation_.load(std::memory_order_relaxed); }
  actor_origin origin() const final { return actor_.origin.whole(); }
  base::result<saved_state> save(runtime::process& self) final;
  base::status prepare(runtime::process& self, plugin_image& next, const actor_code& code,
                       const saved_state& saved) final;
  void go_over(runtime::process& self) final;
  void stay(runtime::process& self) final;
  void begin_with(behaviours::accepted_stream stream) final;
  void begin_with(std::shared_ptr<const behaviours::kept_connection> connection) final;
  bool begin_with(std::shared_ptr<behaviours::datagram_sockets> sockets) final;
  bool begin_with(std::shared_ptr<const behaviours::program_spec> program) final;

 protected:
  explicit plugin_actor(actor_plan&& plan);
  ~plugin_actor() override;

  // What the engine does for it.
  // go_on() is to be called before the next message, and also if none comes.
  virtual void go_on_first(runtime::process& self) = 0;
  // What the status of a callback for streams comes to: an engine may have more of them than follow() knows.
  virtual runtime::outcome follow_stream(std::int32_t status, const char* callback) {
    return follow(status, callback);
  }

  // What it does for the engine: in the callbacks of runtime::behaviour, and for what sys asks.
  runtime::outcome begin(runtime::process& self); // init
  runtime::outcome go_on();
  void end(const runtime::message& reason); // terminate
  // Of runtime::behaviour::receive_io().
  runtime::outcome take_io();
  // Of runtime::behaviour::receive_parcel().
  runtime::outcome take_parcel(runtime::parcel& given);
  // A message that is not for it but for its streams or its program, and what comes of it; none: it is not.
  std::optional<runtime::outcome> take_for_streams(const runtime::message& m) {
    if (actor_.streams() == nullptr) [[likely]]
      return std::nullopt;
    return taken_for_streams(m);
  }
  // What the engine tells of its sockets, its program or its streams; empty: it has none of them.
  runtime::message shown_sockets() const;
  // `engine`, a map of what the engine tells of itself or empty, and with it the streams there are.
  runtime::message with_streams(runtime::message engine) const;
  // It ends: what it has written still goes out if that is orderly.
  void end_streams(bool orderly) noexcept;
  void describe_to(runtime::description& out) const;
  // Answers `from`, as behaviours::change_config() has it.
  runtime::outcome change_config(runtime::process& self, const runtime::message& from,
                                 behaviours::config_change to);
  runtime::message shown_state();
  // As its format_status has it; empty: it has none.
  runtime::message formatted_status();
  // What to do with what no callback took.
  runtime::unhandled if_unhandled() const;
  // What a call comes to that no callback took. `callback`: which was asked; `engine`: what the actor is, for
  // people; `answered`: the callback has answered already.
  runtime::outcome refuse_call(etf::bytes from, etf::bytes request, const char* callback,
                               std::string_view engine, bool answered = false);
  // What the callback said to the error object, which is empty afterwards; "": nothing.
  std::string take_error_text();
  // A line; of requests at most one a second for the actors of a type. `kind`: "call", "cast" or "message".
  void tell_unhandled(std::string_view kind, etf::bytes term, std::string_view why);
  // What a callback's status comes to; runs handle_continue as often as it is asked for. `given`: what the
  // callback was about.
  runtime::outcome follow(std::int32_t status, const char* callback, etf::bytes given = {}) {
    if (status == COPPICE_OK && (actor_.extra == nullptr || !actor_.extra->error.told)) [[likely]]
      return runtime::carry_on();
    return follow_on(status, callback, given);
  }
  // runtime::stop(), remembering for the log what ran.
  runtime::outcome stop_in(const char* callback, etf::bytes given, runtime::message reason,
                           std::string backtrace = {});

  const actor_code& running() const { return *code_; }
  void* state() const { return state_; }
  coppice_actor& actor() { return actor_; }

 private:
  class stream_port;
  class datagram_port;
  struct incarnation;
  struct incarnation_deleter {
    void operator()(incarnation* owned) const noexcept;
  };
  // States on their way from one image's code to another's.
  struct handover {
    std::unique_ptr<const saved_state> saved;               // until init
    bool only_tried = false;                                // goes with it
    std::unique_ptr<incarnation, incarnation_deleter> next; // prepared by a reload
  };
  handover& needs_handover();
  bool has_prepared() const { return handover_ != nullptr && handover_->next != nullptr; }
  void forget(incarnation& one);
  runtime::outcome begin_restored(runtime::process& self);
  runtime::outcome begin_actor(runtime::process& self);
  runtime::outcome take_first_stream();
  base::status open_sockets(runtime::process& self);
  runtime::outcome take_datagrams();
  std::optional<runtime::outcome> taken_for_streams(const runtime::message& m);
  void close_sockets() noexcept;
  void end_program();
  runtime::message shown_program() const;
  runtime::message shown_streams() const;
  std::string label() const;
  runtime::outcome follow_on(std::int32_t status, const char* callback, etf::bytes given);
  // create or init failed with `status`.
  [[gnu::cold]] runtime::outcome fail_to_begin(const char* callback, std::int32_t status);
  bool is_supervised() const;
  // Tells the log, or whoever supervises it and will.
  void report_crash(const runtime::message& reason);
  // Both run in the image of the code. errc::refused.
  base::status create(const actor_code& code, void** state);
  base::status restore(const actor_code& code, void* state, const saved_state& saved);
  void has_restored(runtime::process& self);

  // A term written by this callback, which may only look; empty if it failed. `status` is its own, and what
  // it told the error object is left there.
  runtime::message written(looking what, const std::function<std::int32_t(coppice_writer*)>& callback,
                           std::int32_t& status);
  // The same for those who look; why there is none is no matter.
  runtime::message written_to_show(looking what,
                                   const std::function<std::int32_t(coppice_writer*)>& callback);

  const actor_code* code_; // the image's
  void* state_ = nullptr;
  std::atomic<std::uint64_t> generation_; // of the image
  std::unique_ptr<handover> handover_;
  coppice_actor actor_; // it holds the pin
};

} // namespace coppice::host
