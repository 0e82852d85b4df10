// SPDX-License-Identifier: MIT
// The parts of the plugin boundary that all interfaces share: the host table, the state behind a
// `coppice_actor*`, the conversion of messages, and the meaning of statuses. Each interface has its own file
// in host/interfaces; the entries of the tables are made by entry.hpp. A plugin is trusted only with its own
// memory: every pointer and length from it is checked where that is possible, and no lock is held while its
// code runs. In the process's own turn unless said otherwise.
#pragma once

#include <coppice/actor.h>
#include <coppice/call.h>
#include <coppice/draft/await.h>
#include <coppice/draft/channel.h>
#include <coppice/draft/context.h>
#include <coppice/draft/metric.h>
#include <coppice/draft/order.h>
#include <coppice/draft/post.h>
#include <coppice/draft/stream.h>
#include <coppice/log.h>
#include <coppice/message.h>
#include <coppice/plugin.h>
#include <coppice/timer.h>
#include <coppice/work.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "behaviours/datagrams/actor_datagrams.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/sys_debug.hpp"
#include "behaviours/gen/tagged.hpp"
#include "behaviours/saga/saga_job.hpp"
#include "behaviours/saga/saga_place.hpp"
#include "behaviours/streams/actor_streams.hpp"
#include "host/boundary/actor_origin.hpp"
#include "host/boundary/plugin_image.hpp"
#include "host/boundary/thrown.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/crash_notes.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/raw_message.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

struct coppice_error {
  bool told = false; // set_error or set_reason was called
  std::int32_t code = COPPICE_OK;
  std::string text;
  coppice::runtime::message reason;
  coppice::runtime::message unanswered{}; // the From of a call whose reply could not leave the node
  coppice::host::thrown_frames thrown{};  // of the exception that gave the reason
};

namespace coppice::behaviours::raft {
class group_effects;
}

namespace coppice::host {

namespace gen = behaviours::gen;

// A request of a plugin that has no answer yet.
struct open_request {
  runtime::reference ref;
  std::uint64_t tag = 0;
  std::uint64_t timer = 0;  // 0: none
  runtime::message context; // kept for the request's end; none: nothing
};

// The way from a plugin's threads to an actor, until the actor ends. Any thread.
class post_target {
 public:
  post_target(runtime::system& host, const runtime::pid& to) : host_(&host), to_(to) {}
  // COPPICE_OK, COPPICE_E_FULL, or COPPICE_E_NOPROC once the actor has ended.
  std::int32_t post(runtime::message m);
  // When it returns, no thread uses the system through this any more.
  void shut();

 private:
  std::mutex lock_;
  runtime::system* host_;  // null: shut
  std::size_t inside_ = 0; // threads that are sending
  std::condition_variable left_;
  const runtime::pid to_;
};

// The actor's reference to its target. It shuts the target when the actor ends.
struct own_post_target {
  std::shared_ptr<post_target> shared; // shared with the handles, which may outlive the actor

  own_post_target() = default;
  own_post_target(const own_post_target&) = delete;
  own_post_target& operator=(const own_post_target&) = delete;
  ~own_post_target() {
    if (shared != nullptr) shared->shut();
  }
};

// The call that handle_call is handling. On that callback's stack.
struct asked_call {
  etf::bytes from;
  const runtime::call_id* bare = nullptr; // if it came in that form, see signal::bare
  bool answered = false;
  behaviours::sys::debugging* debug = nullptr; // the debugging state that records the answer; null: none
};

// The decision of a router's callback: see actors/router.hpp.
struct routing_decision;

// The running callback, if it is one that may only look.
enum class looking : std::uint8_t {
  no,
  create,
  save_state,
  restore_state,
  format_status,
  validate, // this and all below: of a replicated state machine
  apply,
  apply_info,
  handle_query,
  save,
};

// State that few actors need, made at first use.
struct extra_state {
  std::unordered_map<std::uint64_t, open_request> requests; // by id
  bool has_requested = false;                               // at least one was made
  runtime::message context; // of the request whose end a callback is told; else none
  std::vector<std::uint8_t> self_term;
  std::vector<std::uint8_t> parent_term;
  std::vector<std::uint8_t> node_term;
  coppice_error error;
  std::unique_ptr<runtime::crash_note> crash; // set when a callback has ended the actor abnormally
  std::string refused;                // first forbidden call of a callback that may only look: take_refusal()
  base::nanos refused_dead_since = 0; // time of the first call after its death; 0: none
  std::uint64_t refused_dead = 0;     // number of such calls
  base::nanos shows_again = 0;        // until then save_state does not run for people who look
  own_post_target posts;
  routing_decision* deciding = nullptr;              // while a router's callback runs that decides
  behaviours::raft::group_effects* noting = nullptr; // while a state machine's apply or apply_info runs
  std::unique_ptr<behaviours::accepted_stream> begins_with; // until init has returned
  std::shared_ptr<const behaviours::kept_connection> stays_connected;
  std::shared_ptr<const behaviours::program_spec> runs; // until init has returned
  std::unique_ptr<behaviours::actor_streams> streams;
  std::shared_ptr<behaviours::datagram_sockets> has_sockets; // until init
  std::unique_ptr<behaviours::actor_datagrams> datagrams;
  std::unique_ptr<behaviours::saga_ticket> step; // of a worker of a saga, until its end
  behaviours::saga_stay* stays = nullptr;        // of a saga without workers; its engine owns it
};

} // namespace coppice::host

// The object behind a plugin's `self`. Belongs to its engine and has its lifetime.
struct coppice_actor {
  coppice::host::image_pin image;
  coppice::host::kept_origin origin;
  // `process` and `is` are set before the first callback and never changed, so any thread may read them.
  coppice::runtime::process* process = nullptr;
  const coppice::host::actor_identity* is = nullptr;
  coppice::host::asked_call* asked = nullptr;
  coppice::host::looking looking = coppice::host::looking::no;
  bool takes_streams = false;                           // it has callbacks for streams
  bool created = false;                                 // it has a state, which must be destroyed
  bool restored = false;                                // after_restore is due
  bool to_be_continued = false;                         // handle_continue is due, after after_restore
  bool in_transition = false;                           // a callback runs that may make a statem's transition
  std::optional<coppice::runtime::unhandled> unhandled; // the configuration's choice; none: the class's
  std::unique_ptr<coppice::host::extra_state> extra;

  // Its streams, or those of its program. Null: it has never had any.
  coppice::behaviours::actor_streams* streams() const {
    return extra == nullptr ? nullptr : extra->streams.get();
  }
  coppice::host::extra_state& needs_extra() {
    if (extra == nullptr) extra = std::make_unique<coppice::host::extra_state>();
    return *extra;
  }
};

namespace coppice::host {

// The table that every plugin gets. Any thread.
const coppice_host* host_table();
// The entries that get_interface() of that table finds: all are in interfaces/all_interfaces.cpp. Any
// thread.
struct interface_entry {
  std::string_view name;
  const void* table;
};
std::span<const interface_entry> all_interfaces();
// The interface whose table has this function. Empty: none. Any thread.
std::string_view interface_of(const void* entry);

const coppice_message_api* message_interface();
const coppice_actor_api* actor_interface();
// spawn_at of actor_interface(), in its own file.
std::int32_t spawn_at(coppice_actor* self, const coppice_remote_spawn* what, coppice_message* out_pid,
                      coppice_message* out_reference);
const coppice_call_api* call_interface();
const coppice_timer_api* timer_interface();
const coppice_work_api* work_interface();
const coppice_log_api* log_interface();
const coppice_await_api* await_interface();
const coppice_context_api* context_interface();
const coppice_order_api* order_interface();
const coppice_post_api* post_interface();
const coppice_stream_api* stream_interface();
const coppice_udp_api* datagram_interface();
const coppice_metric_api* metric_interface();
const coppice_channel_api* event_interface();

// COPPICE_OK if `self` may make host calls that are marked [look]. For functions behind an `entry`
// (entry.hpp), which passes an actor without a process if the call is not allowed.
inline std::int32_t may_look(const coppice_actor* self) {
  if (self == nullptr) return COPPICE_E_INVALID;
  return self->process == nullptr ? COPPICE_E_CONTEXT : COPPICE_OK;
}
// Returns COPPICE_E_EXITING. If a handler goes on calling for longer than a dead actor's stack may linger,
// its stack is abandoned: this does not return.
[[gnu::cold]] std::int32_t refuse_dead(coppice_actor& self);
// COPPICE_OK if `self` may make all other host calls, which a dead actor may not.
inline std::int32_t may_call(coppice_actor* self) {
  if (const std::int32_t status = may_look(self); status != COPPICE_OK) return status;
  if (self->process->exiting()) [[unlikely]]
    return refuse_dead(*self);
  return COPPICE_OK;
}

// The status that a plugin gets for a send.
inline std::int32_t status_of(runtime::send_status sent) {
  switch (sent) {
    case runtime::send_status::ok:
      break;
    case runtime::send_status::full:
      return COPPICE_E_FULL;
    case runtime::send_status::malformed:
      return COPPICE_E_TERM;
    case runtime::send_status::nodedown:
      return COPPICE_E_NODEDOWN;
  }
  return COPPICE_OK;
}

// Messages across the boundary. A borrowed message is valid as long as `m`. take() consumes a message of the
// plugin; none: the bytes are not a term, or are not inside their owner's memory.
coppice_message lend(const runtime::message& m);
coppice_message lend(const runtime::message& m, etf::bytes part); // a part of its term
coppice_message give(runtime::message&& m);
namespace detail {
// Set in the address of an owner: the memory is borrowed for a callback. Not set: the plugin has a reference.
inline constexpr std::uintptr_t lent_bit = 1;
// Takes bytes without an owner, or memory that the plugin has borrowed.
runtime::message take_lent(const coppice_message& from);
} // namespace detail
inline bool is_lent(const void* owner) {
  return (reinterpret_cast<std::uintptr_t>(owner) & detail::lent_bit) != 0;
}
[[gnu::always_inline]] inline runtime::message take(coppice_message* from_plugin) {
  if (from_plugin == nullptr) return {};
  // In two steps: a load of both at once would wait until the plugin's two stores have left the core.
  const std::uint8_t* data = std::exchange(from_plugin->data, nullptr);
  asm("" : "+r"(data));
  const std::uint64_t size = std::exchange(from_plugin->size, 0);
  void* const owner = std::exchange(from_plugin->owner, nullptr);
  if (owner == nullptr || is_lent(owner)) return detail::take_lent({data, size, owner});
  const etf::bytes term(data, static_cast<std::size_t>(size));
  if (size == 0 || !runtime::raw_message::keeps(owner, term)) [[unlikely]]
    return runtime::raw_message::release(owner), runtime::message();
  return runtime::raw_message::adopt(owner, term);
}
// Plain bytes as one term. Empty: they are not one term.
std::optional<etf::bytes> term_of(coppice_bytes from_plugin);
inline constexpr std::size_t longest_text = 64 * 1024; // bytes
// Empty: the text is longer than that.
std::optional<std::string_view> text_of(coppice_bytes from_plugin);
// For texts that people read and that are cut later, such as lines of the log.
std::string_view whole_text(coppice_bytes from_plugin);
inline coppice_bytes lend_bytes(etf::bytes bytes) {
  return {bytes.data(), bytes.size()};
}

// A destination from a term: a pid, a name, {Name, Node}, an alias.
std::optional<runtime::destination> destination_of(coppice_actor& self, coppice_bytes term);
std::optional<runtime::destination> destination_of(runtime::node_names& names, coppice_bytes term);
std::optional<runtime::pid> pid_of(coppice_actor& self, coppice_bytes term);
// Whether the term is a pid of this node, as most destinations are.
[[gnu::always_inline]] inline bool is_own_pid(const coppice_actor& self, coppice_bytes term,
                                              runtime::pid& out) {
  const runtime::node_forms& own = self.process->host().nodes().forms();
  return term.data != nullptr && term.size == own.pid_size() &&
         own.get_pid({term.data, static_cast<std::size_t>(term.size)}, out);
}
std::optional<runtime::reference> reference_of(coppice_actor& self, coppice_bytes term);

// The status that a plugin gets for a call, and its answer.
std::int32_t answer_of(gen::call_result result, coppice_message* out);

// The word of an error number ("timeout"). Empty: not an error.
std::string_view status_word(std::int32_t status);
// The exit reason of an actor that returned `status` (COPPICE_STOP, an error, or an unknown number), from the
// error object, which is empty afterwards.
runtime::message stop_reason(coppice_actor& self, std::int32_t status);

// The backtrace of the exception behind `status` and the error object, one line for each frame. Call it
// before stop_reason(). "": no exception, or its frames are not known.
std::string backtrace(const coppice_actor& self, std::int32_t status);

// The forbidden call of a callback that may only look, as a sentence for its author; it is then forgotten.
// Empty: none. `callback`: the callback that ran.
std::string take_refusal(coppice_actor& self, looking callback);
// "save_state"
const char* name_of(looking callback);

using behaviours::tagged;

} // namespace coppice::host
