// SPDX-License-Identifier: MIT
// The host's table for tests, with the interfaces for time, work, logs and posts. In the actor's callbacks,
// except posts, which come from any thread.
#include <coppice/testing/host.hpp>

#include <coppice/draft/order.h>
#include <coppice/draft/post.h>
#include <coppice/log.h>
#include <coppice/plugin.h>
#include <coppice/timer.h>
#include <coppice/work.h>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/metrics.hpp>
#include <coppice/testing/order.hpp>
#include <coppice/testing/router_host.hpp>
#include <coppice/testing/statem_host.hpp>

namespace coppice::testing::detail {

namespace {

std::int64_t wall_clock() {
  const world* const w = current != nullptr ? current : latest.load();
  return w == nullptr ? wall_time(process()) : wall_time(*w);
}
std::int32_t start_timer(coppice_actor* self, const coppice_timer_options* options, coppice_message* message,
                         std::uint64_t* out_id) {
  constexpr std::int64_t least_period = 1'000'000;
  auto term = take(message);
  if (out_id != nullptr) *out_id = 0;
  effect_notes* const notes = noting(self);
  if (const std::int32_t status = notes != nullptr ? COPPICE_OK : may_call(self, COPPICE_TIMER_1 "'s start");
      status != COPPICE_OK)
    return status;
  const auto how = sized(options, COPPICE_TIMER_OPTIONS_LEAST);
  if (!how || (how->period != 0 && how->period < least_period)) return COPPICE_E_INVALID;
  if (!term) return COPPICE_E_TERM;
  world& w = *of(self);
  timer made{0, nanoseconds(how->deadline), nanoseconds(how->period), {}, std::move(*term)};
  if (how->destination.size != 0) {
    const auto to = destination_of(how->destination);
    if (!to) return COPPICE_E_INVALID;
    made.to = *to;
  }
  if (notes != nullptr) {
    std::uint64_t id = 0;
    const std::int32_t status = notes->start(std::move(made), id);
    if (out_id != nullptr) *out_id = id;
    return status;
  }
  made.id = ++w.last_id;
  if (out_id != nullptr) *out_id = made.id;
  w.timers.push_back(std::move(made));
  return COPPICE_OK;
}
std::int32_t cancel_timer(coppice_actor* self, std::uint64_t id) {
  if (effect_notes* const notes = noting(self)) return notes->cancel(id);
  if (const std::int32_t status = may_call(self, COPPICE_TIMER_1 "'s cancel"); status != COPPICE_OK)
    return status;
  return found(std::erase_if(of(self)->timers, [id](const timer& each) { return each.id == id; }) != 0);
}
std::int32_t remaining(coppice_actor* self, std::uint64_t id, std::int64_t* out_left) {
  if (out_left == nullptr) return COPPICE_E_INVALID;
  *out_left = 0;
  if (const std::int32_t status = may_call(self, COPPICE_TIMER_1 "'s remaining"); status != COPPICE_OK)
    return status;
  for (const timer& each : of(self)->timers) {
    if (each.id != id) continue;
    *out_left = std::max(each.due - of(self)->now, 0ns).count();
    return COPPICE_OK;
  }
  return COPPICE_E_NOT_FOUND;
}
std::int32_t blocking_run(coppice_actor* self, void (*function)(void*), void* context,
                          void (*abandon)(void*)) {
  const std::int32_t status =
      function == nullptr ? COPPICE_E_INVALID : may_call(self, COPPICE_WORK_1 "'s blocking_run");
  if (status != COPPICE_OK) {
    if (abandon != nullptr) abandon(context);
    return status;
  }
  const beside outside; // the function makes no host calls of the actor
  try {
    function(context);
  } catch (...) {
    if (abandon != nullptr) abandon(context);
    return COPPICE_E_EXCEPTION;
  }
  return COPPICE_OK;
}
void reductions(coppice_actor* self, std::uint64_t) {
  may_call(self, COPPICE_WORK_1 "'s reductions");
}
std::int32_t should_yield(coppice_actor* self) {
  may_call(self, COPPICE_WORK_1 "'s should_yield"); // complains where it is not allowed
  return 0;
}
std::int32_t yield(coppice_actor* self) {
  return may_call(self, COPPICE_WORK_1 "'s yield");
}
std::int32_t sleep_until(coppice_actor* self, std::int64_t deadline) {
  if (const std::int32_t status = may_call(self, COPPICE_WORK_1 "'s sleep_until"); status != COPPICE_OK)
    return status;
  of(self)->now = std::max(of(self)->now, nanoseconds(deadline));
  return COPPICE_OK;
}
void write_log(coppice_actor* self, std::int32_t level, coppice_bytes text, const coppice_log_field* fields,
               std::uint64_t field_count) {
  if (self == nullptr || may_look(self, COPPICE_LOG_1 "'s write") != COPPICE_OK) return;
  if (text.data != nullptr) complain_if_spoiled(view(text), "the text of a log line");
  log_line made{level, text_of(text), {}};
  for (std::uint64_t i = 0; i < field_count; ++i) {
    const auto term = term_of(fields[i].term);
    made.fields[text_of(fields[i].name)] = fields[i].text.data != nullptr ? value(text_of(fields[i].text))
                                           : term                         ? *term
                                                                          : value();
  }
  of(self)->did.logs.push_back(std::move(made));
}
std::int32_t log_enabled(coppice_actor*, std::int32_t) {
  return 1;
}
coppice_post* handle_of(std::shared_ptr<letterbox>* box) {
  return reinterpret_cast<coppice_post*>(box);
}
std::shared_ptr<letterbox>* box_of(coppice_post* handle) {
  return reinterpret_cast<std::shared_ptr<letterbox>*>(handle);
}
std::int32_t open_post(coppice_actor* self, coppice_post** out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = nullptr;
  if (const std::int32_t status = may_call(self, COPPICE_POST_DRAFT_1 "'s open"); status != COPPICE_OK)
    return status;
  *out = handle_of(std::make_unique<std::shared_ptr<letterbox>>(of(self)->letters).release());
  return COPPICE_OK;
}
std::int32_t post(coppice_post* handle, coppice_message* message) {
  auto term = take(message);
  if (handle == nullptr || !term) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  letterbox& box = **box_of(handle);
  const std::scoped_lock held(box.lock);
  if (box.closed) return COPPICE_E_NOPROC;
  box.letters.push_back(std::move(*term));
  box.came.notify_all();
  return COPPICE_OK;
}
void close_post(coppice_post* handle) {
  const std::unique_ptr<std::shared_ptr<letterbox>> owned(box_of(handle));
}
void set_init_error(coppice_error* error, std::int32_t code, coppice_bytes text) {
  if (error != nullptr) *reinterpret_cast<init_error*>(error) = {code, text_of(text)};
}

} // namespace

std::int64_t now() {
  const world* const w = current != nullptr ? current : latest.load();
  return w == nullptr ? process().now.count() : w->now.count();
}

std::int64_t wall_time(const process& of) {
  return (of.wall_at_zero + of.now).count();
}

namespace {

const coppice_timer_api* timer_interface() {
  static constexpr coppice_timer_api table = {
      .size = sizeof(coppice_timer_api),
      .reserved = 0,
      .now = &now,
      .wall_clock = &wall_clock,
      .start = &start_timer,
      .cancel = &cancel_timer,
      .remaining = &remaining,
  };
  return &table;
}

const coppice_work_api* work_interface() {
  static constexpr coppice_work_api table = {
      .size = sizeof(coppice_work_api),
      .reserved = 0,
      .blocking_run = &blocking_run,
      .reductions = &reductions,
      .should_yield = &should_yield,
      .yield = &yield,
      .sleep_until = &sleep_until,
  };
  return &table;
}

const coppice_log_api* log_interface() {
  static constexpr coppice_log_api table = {
      .size = sizeof(coppice_log_api), .reserved = 0, .write = &write_log, .enabled = &log_enabled};
  return &table;
}

const coppice_post_api* post_interface() {
  static constexpr coppice_post_api table = {.size = sizeof(coppice_post_api),
                                             .reserved = 0,
                                             .open = &open_post,
                                             .post = &post,
                                             .close = &close_post};
  return &table;
}

} // namespace

std::map<std::string_view, const void*>& more_interfaces() {
  static std::map<std::string_view, const void*> all;
  return all;
}

const void* get_interface(const coppice_host*, const char* name) {
  const std::pair<std::string_view, const void*> known[] = {
      {COPPICE_MESSAGE_1, message_interface()},
      {COPPICE_ACTOR_1, actor_interface()},
      {COPPICE_CALL_1, call_interface()},
      {COPPICE_TIMER_1, timer_interface()},
      {COPPICE_WORK_1, work_interface()},
      {COPPICE_LOG_1, log_interface()},
      {COPPICE_POST_DRAFT_1, post_interface()},
      {COPPICE_ORDER_DRAFT_1, order_interface()},
      {COPPICE_METRIC_DRAFT_1, metric_interface()},
      {COPPICE_AWAIT_DRAFT_1, await_interface()},
      {COPPICE_CONTEXT_DRAFT_1, context_interface()},
      {COPPICE_ROUTER_HOST_DRAFT_2, router_interface()},
      {COPPICE_STATEM_HOST_DRAFT_2, statem_interface()},
  };
  for (const auto& [wanted, table] : known) {
    if (name != nullptr && wanted == name) return table;
  }
  const auto more = name == nullptr ? more_interfaces().end() : more_interfaces().find(name);
  return more == more_interfaces().end() ? nullptr : more->second;
}

const coppice_host* host_table() {
  static constexpr coppice_host table = {
      .size = sizeof(coppice_host),
      .abi_major = COPPICE_ABI_MAJOR,
      .abi_minor = COPPICE_ABI_MINOR,
      .reserved = 0,
      .version_borrowed = "testing",
      .get_interface = &get_interface,
      .set_error = &set_init_error,
  };
  return &table;
}

} // namespace coppice::testing::detail
