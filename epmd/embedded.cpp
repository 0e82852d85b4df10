// SPDX-License-Identifier: MIT
// The order of an attempt in mode auto: bind first, because the node that can bind has to serve; if the port
// is held, register with its holder. Both may fail: a socket-activated port is held while no process answers,
// and of several nodes that lose their EPMD together, one binds while the others are still refused. The
// loop's thread.
#include "epmd/embedded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "net/http/last_answers.hpp"

namespace coppice::epmd {
namespace {

constexpr std::array<std::string_view, 4> mode_names = {"auto", "client", "serve", "off"};
constexpr std::chrono::milliseconds registration_patience{2000};
constexpr std::chrono::milliseconds look_again{5};
constexpr std::string_view kept_registration = "epmd-registration";

} // namespace

std::optional<mode> parse_mode(std::string_view name) {
  const auto found = std::find(mode_names.begin(), mode_names.end(), name);
  if (found == mode_names.end()) return std::nullopt;
  return static_cast<mode>(found - mode_names.begin());
}

std::string_view mode_name(mode of) {
  return mode_names[static_cast<std::size_t>(of)];
}

embedded::embedded(uv_loop_t* on, embedded_options options, std::function<void()> on_change)
    : loop_(on),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      retry_(on, [this] { attempt(); }),
      delay_(options_.first_delay) {}

embedded::~embedded() = default;

base::status embedded::start() {
  if (auto fine = check_name(options_.node.name); !fine) return fine;
  if (options_.mode == mode::off) return {};
  if (options_.mode == mode::serve && !try_serve()) {
    return base::fail(last_error_.code, "serve EPMD: " + last_error_.text);
  }
  if (state_ != state::serving) {
    state_ = state::starting;
    // From the loop, because on_change() is never called inside this call.
    retry_.start(std::chrono::milliseconds(0));
  }
  return {};
}

void embedded::stop() {
  retry_.stop();
  wound_up_ = nullptr;
  registration_.reset();
  server_.reset();
  state_ = state::off;
}

void embedded::wind_up(std::function<void()> done) {
  if (server_ == nullptr || options_.sockets == nullptr) return done();
  server_->accept_no_more();
  wound_up_ = std::move(done);
  wound_up_by_ = base::mono_now() + std::chrono::nanoseconds(net::last_patience).count();
  look_whether_answered();
}

void embedded::look_whether_answered() {
  if (server_->waiting() == 0 || base::mono_now() >= wound_up_by_) return std::exchange(wound_up_, nullptr)();
  retry_.start(look_again);
}

void embedded::attempt() {
  if (wound_up_) return look_whether_answered();
  if (options_.mode != mode::client && try_serve()) return enter(state::serving);
  if (options_.mode == mode::serve) return retry_after(last_error_);
  try_register();
}

bool embedded::try_serve() {
  server_options serve;
  serve.kept = {options_.sockets, "epmd"};
  serve.addresses = listen_addresses(options_.loopback_only, options_.address.port());
  auto made = server::start(loop_, std::move(serve), nullptr);
  if (!made) {
    last_error_ = std::move(made.error());
    return false;
  }
  server_ = std::move(*made);
  // The registry is empty, so the name is free.
  creation_ = server_->add_own(options_.node).value_or(0);
  registration_.reset();
  delay_ = options_.first_delay;
  state_ = state::serving;
  base::log::info("epmd", "serving EPMD on port {}", server_->port());
  return true;
}

bool embedded::try_resume() {
  if (options_.sockets == nullptr) return false;
  auto found = options_.sockets->take_connection(kept_registration, options_.address);
  if (!found) return false;
  auto made = registration::resume(loop_, options_.address, options_.node, registration_patience,
                                   std::move(*found), [this](base::result<std::uint32_t> event) {
                                     if (event || state_ == state::registered)
                                       return registration_event(std::move(event));
                                     base::log::info("epmd", "registering anew: {}", event.error().text);
                                     registration_.reset();
                                     attempt();
                                   });
  if (!made) return false;
  registration_ = std::move(*made);
  return true;
}

void embedded::try_register() {
  if (try_resume()) return;
  auto made =
      registration::start(loop_, options_.address, options_.node, registration_patience,
                          [this](base::result<std::uint32_t> event) { registration_event(std::move(event)); },
                          {options_.sockets, std::string(kept_registration)});
  if (!made) return retry_after(std::move(made.error()));
  registration_ = std::move(*made);
}

void embedded::registration_event(base::result<std::uint32_t> event) {
  if (event) {
    creation_ = *event;
    delay_ = options_.first_delay;
    base::log::info("epmd", "registered as {} at {}", options_.node.name, options_.address.to_string());
    return enter(state::registered);
  }
  const bool was_registered = state_ == state::registered;
  registration_.reset();
  if (was_registered) base::log::warning("epmd", "lost the registration: {}", event.error().text);
  retry_after(std::move(event.error()));
}

void embedded::retry_after(base::error why) {
  // Logged once, not at every attempt.
  if (state_ != state::waiting || last_error_.text != why.text) {
    base::log::warning("epmd", "not registered, trying again: {}", why.text);
  }
  last_error_ = std::move(why);
  const auto jitter =
      static_cast<std::int64_t>(base::random_below(static_cast<std::uint64_t>(delay_.count() / 4 + 1)));
  retry_.start(delay_ + std::chrono::milliseconds(jitter));
  delay_ = std::min(delay_ * 2, options_.max_delay);
  enter(state::waiting);
}

void embedded::enter(state next) {
  state_ = next;
  if (on_change_) on_change_();
}

std::uint16_t embedded::port() const {
  return server_ ? server_->port() : options_.address.port();
}

std::string embedded::text() const {
  switch (state_) {
    case state::off:
      return "off";
    case state::starting:
      return "starting";
    case state::serving: {
      const std::size_t nodes = server_->nodes().size();
      return fmt::format("serving on port {}, {} node{}", port(), nodes, nodes == 1 ? "" : "s");
    }
    case state::registered:
      return "registered at " + options_.address.to_string();
    case state::waiting:
      return "waiting: " + last_error_.text;
  }
  return "";
}

} // namespace coppice::epmd
