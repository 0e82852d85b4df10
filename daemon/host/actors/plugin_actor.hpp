// SPDX-License-Identifier: MIT
// The common part of all plugin actors of any behaviour: a state, the callbacks of "coppice.lifecycle/1", and
// the part of a reload that moves the state from one image's code to another's. A behaviour's class derives
// from its engine and from this class, and adds the callbacks of its own tables. In the process's own turn.
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
  base::result<saved_state> save(runtime::process& self) override;
  base::status prepare(runtime::process& self, plugin_image& next, const actor_code& code,
                       const saved_state& saved) override;
  void go_over(runtime::process& self) override;
  void stay(runtime::process& self) final;
  void begin_with(behaviours::accepted_stream stream) final;
  void begin_with(std::shared_ptr<const behaviours::kept_connection> connection) final;
  bool begin_with(std::shared_ptr<behaviours::datagram_sockets> sockets) final;
  bool begin_with(std::shared_ptr<const behaviours::program_spec> program) final;
  bool begin_with(behaviours::journal&) override { return false; }
  bool begin_with(std::shared_ptr<const behaviours::saga_worker_spec>) override { return false; }
  bool begin_with(std::unique_ptr<behaviours::saga_ticket>) override { return false; }

 protected:
  explicit plugin_actor(actor_plan&& plan);
  ~plugin_actor() override;

  // Functions of the engine. Asks it to call go_on() before the next message, and also if none comes.
  virtual void go_on_first(runtime::process& self) = 0;
  // The outcome that follows from the status of a callback for streams. An engine may know more statuses
  // than follow().
  virtual runtime::outcome follow_stream(std::int32_t status, const char* callback) {
    return follow(status, callback);
  }

  // Functions for the engine: for the callbacks of runtime::behaviour, and for sys.
  runtime::outcome begin(runtime::process& self); // init
  runtime::outcome go_on();
  void end(const runtime::message& reason); // terminate
  // For runtime::behaviour::receive_io().
  runtime::outcome take_io();
  // For runtime::behaviour::receive_parcel().
  runtime::outcome take_parcel(runtime::parcel& given);
  // Handles `m` if it is meant for the actor's streams or program and returns the outcome. Empty: the actor
  // itself must handle it.
  std::optional<runtime::outcome> take_for_streams(const runtime::message& m) {
    if (actor_.streams() == nullptr) [[likely]]
      return std::nullopt;
    return taken_for_streams(m);
  }
  // The report on its sockets, its program or its streams; none: it has none of them.
  runtime::message shown_sockets() const;
  // Adds the streams to `engine`, the engine's report: a map, or empty.
  runtime::message with_streams(runtime::message engine) const;
  // The actor ends: if that is orderly, written bytes are still sent.
  void end_streams(bool orderly) noexcept;
  void describe_to(runtime::description& out) const;
  // Answers `from`, as behaviours::change_config() requires.
  runtime::outcome change_config(runtime::process& self, const runtime::message& from,
                                 behaviours::config_change to);
  runtime::message shown_state();
  // As shown_state(), for people; none: there is nothing to show. A large state that only save_state can
  // write is written at most for a hundredth of the time, however often people look.
  runtime::message state_to_show();
  // The term of its format_status; none: it has none.
  runtime::message formatted_status();
  // How a message that no callback took is handled.
  runtime::unhandled if_unhandled() const;
  // The outcome for a call that no callback took. `callback`: the callback that was called; `engine`: the
  // kind of actor, for people; `answered`: the callback has answered already.
  runtime::outcome refuse_call(etf::bytes from, etf::bytes request, const char* callback,
                               std::string_view engine, bool answered = false);
  // For a callback that has not failed: an error that it set must not be the reason of a later end.
  void forget_error() {
    if (actor_.extra != nullptr && actor_.extra->error.told) actor_.extra->error = {};
  }
  // The text given to set_error, which is then empty; "": none.
  std::string take_error_text();
  // Logs a line; for requests at most one a second for all actors of a type. `kind`: "call", "cast" or
  // "message".
  void tell_unhandled(std::string_view kind, etf::bytes term, std::string_view why);
  // The outcome that follows from a callback's status; runs handle_continue as often as the status asks for
  // it. `given`: the callback's input.
  runtime::outcome follow(std::int32_t status, const char* callback, etf::bytes given = {}) {
    if (status == COPPICE_OK && (actor_.extra == nullptr || !actor_.extra->error.told)) [[likely]]
      return runtime::carry_on();
    return follow_on(status, callback, given);
  }
  // runtime::stop(), with a note for the log which callback ran.
  runtime::outcome stop_in(const char* callback, etf::bytes given, runtime::message reason,
                           std::string backtrace = {});

  // A state that this callback writes, which may only look. Errors as for save().
  using state_writer = std::function<std::int32_t(std::uint32_t* version, coppice_writer* out)>;
  base::result<saved_state> saved_by(runtime::process& self, looking what, std::uint32_t version,
                                     const state_writer& callback);

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
  // States that are being moved from one image's code to another's.
  struct handover {
    std::unique_ptr<const saved_state> saved;               // until init
    bool only_tried = false;                                // with `saved`: see actor_plan
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
  runtime::message saved_to_show();
  // Logs the crash, or leaves that to the supervisor.
  void report_crash(const runtime::message& reason);
  void tell_failed_terminate(const runtime::message& reason);
  // Both run with the image of the code pinned. errc::refused.
  base::status create(const actor_code& code, void** state);
  base::status restore(const actor_code& code, void* state, const saved_state& saved);
  void has_restored(runtime::process& self);

  // A term written by this callback, which may only look. None: it failed; `status` is the callback's, and
  // its error text is kept.
  runtime::message written(looking what, const std::function<std::int32_t(coppice_writer*)>& callback,
                           std::int32_t& status);
  // The term for a report; a failure's reason is dropped.
  runtime::message written_to_show(looking what,
                                   const std::function<std::int32_t(coppice_writer*)>& callback);

  const actor_code* code_; // of the image
  void* state_ = nullptr;
  std::atomic<std::uint64_t> generation_; // of the image
  std::unique_ptr<handover> handover_;
  coppice_actor actor_; // holds the pin
};

} // namespace coppice::host
