// SPDX-License-Identifier: MIT
// A server's part in a hot reload: its state goes through save_state of the code that runs and restore_state
// of the code that is to run. Both may only compute. Until one of the two is chosen the running one is not
// touched. In the process's own turn.
#include <fmt/format.h>
#include <coppice/etf/text.hpp>

#include "host/callback.hpp"
#include "host/server.hpp"

namespace coppice::host {
namespace {

using runtime::message;
using runtime::process;

// The longest reason of a plugin's that is shown.
constexpr std::size_t longest_reason = 1000;

base::status failed(coppice_actor& actor, std::string_view callback, std::int32_t status) {
  std::string reason = etf::print(stop_reason(actor, status).bytes());
  if (reason.size() > longest_reason) reason.resize(longest_reason);
  return base::fail(base::errc::refused, fmt::format("its {} failed: {}", callback, reason));
}

// In a callback that may only compute, of this image.
class computing {
 public:
  computing(coppice_actor& actor, image_pin& of) : actor_(actor), of_(of) {
    std::swap(actor_.image, of_);
    actor_.restricted = true;
  }
  ~computing() {
    actor_.restricted = false;
    std::swap(actor_.image, of_);
  }
  computing(const computing&) = delete;
  computing& operator=(const computing&) = delete;

 private:
  coppice_actor& actor_;
  image_pin& of_;
};

} // namespace

base::status takes_over(const coppice_actor_type& type, bool has_state) {
  const auto& callbacks = *static_cast<const coppice_server*>(type.callbacks);
  if (has_state && callbacks.restore_state == nullptr)
    return base::fail(base::errc::unsupported, "it has no restore_state");
  if (!has_state && callbacks.create != nullptr)
    return base::fail(base::errc::unsupported, "it has a state now and had none before");
  return {};
}

// A state of the actor that is not the one that runs.
struct server::incarnation {
  image_pin image;
  const coppice_server* callbacks;
  const coppice_actor_type* type;
  void* state = nullptr;
};

void server::incarnation_deleter::operator()(incarnation* owned) const noexcept {
  std::default_delete<incarnation>()(owned);
}

void server::forget(incarnation& one) {
  if (one.callbacks->destroy == nullptr) return;
  guarded(actor_, [&] { return one.callbacks->destroy(one.state), COPPICE_OK; });
}

base::status server::restore(const coppice_server& callbacks, void* state, const saved_state& saved) {
  if (!saved.term) return {};
  const coppice_message lent = lend(saved.term);
  const std::int32_t status = in_turn(actor_, "restore_state", {}, [&] {
    return callbacks.restore_state(&actor_, state, saved.version, &lent);
  });
  if (status == COPPICE_OK) return {};
  if (status != COPPICE_E_VERSION) return failed(actor_, "restore_state", status);
  if (actor_.extra != nullptr) actor_.extra->error = {};
  return base::fail(base::errc::refused,
                    fmt::format("its restore_state does not take state version {}", saved.version));
}

base::result<saved_state> server::save(process& self) {
  actor_.process = &self;
  saved_state out;
  if (callbacks_->save_state == nullptr) {
    if (callbacks_->create == nullptr) return out;
    return base::fail(base::errc::unsupported, "it has a state and no save_state");
  }
  out.version = type_->state_version;
  std::int32_t status = COPPICE_OK;
  out.term = written(
      [&](coppice_writer* to) { return callbacks_->save_state(&actor_, state_, &out.version, to); }, &status);
  if (status != COPPICE_OK) return tl::unexpected(failed(actor_, "save_state", status).error());
  if (!out.term) return base::fail(base::errc::refused, "its save_state wrote no term");
  return out;
}

base::status server::prepare(process& self, plugin_image& next, const coppice_actor_type& type,
                             const saved_state& saved) {
  actor_.process = &self;
  stay(self);
  incarnation made{image_pin(next), static_cast<const coppice_server*>(type.callbacks), &type};
  if (auto possible = takes_over(type, bool{saved.term}); !possible) return possible;
  base::status restored;
  {
    const computing scope(actor_, made.image);
    const std::int32_t status = in_turn(actor_, "create", {}, [&] {
      return call_or(COPPICE_OK, made.callbacks->create, &actor_, &made.state);
    });
    if (status != COPPICE_OK) return failed(actor_, "create", status);
    restored = restore(*made.callbacks, made.state, saved);
    if (!restored) forget(made);
  }
  if (restored) needs_handover().next.reset(std::make_unique<incarnation>(std::move(made)).release());
  return restored;
}

void server::go_over(process& self) {
  if (!has_prepared()) return;
  incarnation& next = *handover_->next;
  std::swap(actor_.image, next.image);
  std::swap(callbacks_, next.callbacks);
  std::swap(type_, next.type);
  std::swap(state_, next.state);
  generation_.store(actor_.image->generation(), std::memory_order_relaxed);
  stay(self);
}

void server::stay(process&) {
  if (!has_prepared()) return;
  forget(*handover_->next);
  handover_->next.reset();
}

const actor_identity& server::identity() const {
  return *identity_;
}

actor_origin server::origin() const {
  return {actor_.args, actor_.env};
}

} // namespace coppice::host
