// SPDX-License-Identifier: MIT
// An actor's part in a hot reload: the running code's save_state writes its state and the new code's
// restore_state reads it. Both may only look. The running state is not touched until one of the two is
// chosen. In the process's own turn.
#include <fmt/format.h>

#include "host/actors/plugin_actor.hpp"
#include "host/boundary/callback.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::host {
namespace {

using runtime::process;

// The longest text of a plugin that is shown as a reason.
constexpr std::size_t longest_reason = 1000;

// The result of a callback that may only look.
base::status judge(coppice_actor& actor, looking callback, std::int32_t status) {
  if (std::string refusal = take_refusal(actor, callback); !refusal.empty()) {
    actor.extra->error = {};
    return base::fail(base::errc::refused, std::move(refusal));
  }
  if (status == COPPICE_OK) {
    if (actor.extra != nullptr) actor.extra->error = {}; // it must not be the reason of a later end
    return {};
  }
  std::string reason = runtime::shown(stop_reason(actor, status));
  if (reason.size() > longest_reason) reason.resize(longest_reason);
  return base::fail(base::errc::refused, fmt::format("its {} failed: {}", name_of(callback), reason));
}

// For callbacks of another image's code.
class in_image {
 public:
  in_image(coppice_actor& actor, image_pin& of) : actor_(actor), of_(of) { std::swap(actor_.image, of_); }
  ~in_image() { std::swap(actor_.image, of_); }
  in_image(const in_image&) = delete;
  in_image& operator=(const in_image&) = delete;

 private:
  coppice_actor& actor_;
  image_pin& of_;
};

} // namespace

base::status takes_over(const actor_identity& now, const actor_code& next, bool has_state) {
  const auto fail = [](std::string text) { return base::fail(base::errc::unsupported, std::move(text)); };
  if (next.is->behaviour != now.behaviour)
    return fail(fmt::format("it is a {} now and was a {} before", next.is->behaviour, now.behaviour));
  if (has_state && next.lifecycle.restore_state == nullptr) return fail("it has no restore_state");
  if (!has_state && next.lifecycle.create != nullptr) return fail("it has a state now and had none before");
  return {};
}

// A second state of the actor, beside the running one.
struct plugin_actor::incarnation {
  image_pin image;
  const actor_code* code;
  void* state = nullptr;
};

void plugin_actor::incarnation_deleter::operator()(incarnation* owned) const noexcept {
  std::default_delete<incarnation>()(owned);
}

plugin_actor::handover& plugin_actor::needs_handover() {
  if (handover_ == nullptr) handover_ = std::make_unique<handover>();
  return *handover_;
}

void plugin_actor::forget(incarnation& one) {
  if (one.code->lifecycle.destroy == nullptr) return;
  guarded(actor_, [&] { return one.code->lifecycle.destroy(one.state), COPPICE_OK; });
}

base::status plugin_actor::restore(const actor_code& code, void* state, const saved_state& saved) {
  if (!saved.term) return {};
  const coppice_message lent = lend(saved.term);
  const std::int32_t status = look_only(actor_, looking::restore_state, [&] {
    return code.lifecycle.restore_state(&actor_, state, saved.version, &lent);
  });
  if (status != COPPICE_E_VERSION) return judge(actor_, looking::restore_state, status);
  std::string why = fmt::format("its restore_state does not take state version {}", saved.version);
  if (actor_.extra != nullptr) {
    const coppice_error told = std::exchange(actor_.extra->error, {});
    if (!told.text.empty()) why += ": " + told.text;
  }
  return base::fail(base::errc::refused, std::move(why));
}

// The state was restored: after_restore is due.
void plugin_actor::has_restored(process& self) {
  if (code_->lifecycle.after_restore == nullptr) return;
  actor_.restored = true;
  go_on_first(self);
}

runtime::outcome plugin_actor::begin_restored(process& self) {
  const auto from = std::exchange(handover_, nullptr);
  const saved_state& saved = *from->saved;
  base::status restored = takes_over(*actor_.is, *code_, bool{saved.term});
  if (restored) restored = restore(*code_, state_, saved);
  if (!restored) {
    runtime::message_writer why;
    why.binary(restored.error().text);
    return runtime::stop(why.take());
  }
  if (from->only_tried) return runtime::ignore();
  has_restored(self);
  return runtime::carry_on();
}

base::result<saved_state> plugin_actor::save(process& self) {
  const coppice_lifecycle& calls = code_->lifecycle;
  if (calls.save_state == nullptr) {
    if (calls.create == nullptr) return saved_state();
    return base::fail(base::errc::unsupported, "it has a state and no save_state");
  }
  return saved_by(self, looking::save_state, code_->state_version,
                  [&](std::uint32_t* version, coppice_writer* to) {
                    return calls.save_state(&actor_, state_, version, to);
                  });
}

base::result<saved_state> plugin_actor::saved_by(process& self, looking what, std::uint32_t version,
                                                 const state_writer& callback) {
  actor_.process = &self;
  saved_state out;
  out.version = version;
  std::int32_t status = COPPICE_OK;
  out.term = written(
      what, [&](coppice_writer* to) { return callback(&out.version, to); }, status);
  if (auto good = judge(actor_, what, status); !good) return unexpected(good.error());
  if (!out.term) return base::fail(base::errc::refused, fmt::format("its {} wrote no term", name_of(what)));
  return out;
}

base::status plugin_actor::prepare(process& self, plugin_image& next, const actor_code& code,
                                   const saved_state& saved) {
  actor_.process = &self;
  stay(self);
  if (auto possible = takes_over(*actor_.is, code, bool{saved.term}); !possible) return possible;
  incarnation made{image_pin(next), &code};
  base::status restored;
  {
    const in_image scope(actor_, made.image);
    const std::int32_t status = look_only(actor_, looking::create, [&] {
      return call_or(COPPICE_OK, code.lifecycle.create, &actor_, &made.state);
    });
    restored = judge(actor_, looking::create, status);
    if (restored) restored = restore(code, made.state, saved);
    if (!restored && status == COPPICE_OK) forget(made);
  }
  if (restored) needs_handover().next.reset(std::make_unique<incarnation>(std::move(made)).release());
  return restored;
}

void plugin_actor::go_over(process& self) {
  if (!has_prepared()) return;
  incarnation& next = *handover_->next;
  std::swap(actor_.image, next.image);
  std::swap(code_, next.code);
  std::swap(state_, next.state);
  actor_.takes_streams = code_->streams.size != 0;
  generation_.store(actor_.image->generation(), std::memory_order_relaxed);
  stay(self);
  has_restored(self);
}

void plugin_actor::stay(process&) {
  if (!has_prepared()) return;
  forget(*handover_->next);
  handover_.reset();
}

} // namespace coppice::host
