// SPDX-License-Identifier: MIT
// A server whose callbacks are written in the test, in place of a plugin's. `play` has the callbacks; they
// note in the host's book what happens to the server. One test at a time.
#pragma once

#include <coppice/term.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../behaviours/test_host.hpp"
#include "heard_log.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "host/actors/server.hpp"

namespace coppice::test {

inline const coppice_message_api& messages = *host::message_interface();
inline const coppice_actor_api& actors = *host::actor_interface();
inline const coppice_call_api& calls = *host::call_interface();
inline const coppice_timer_api& timers = *host::timer_interface();

// A term of the test for a parameter that consumes a message: plain bytes without an owner.
struct literal {
  explicit literal(std::string_view text)
      : held(term(text)), raw{held.bytes().data(), held.size(), nullptr} {}
  runtime::message held;
  coppice_message raw;
};

inline std::string shown(const coppice_message* m) {
  return m->size == 0 ? "nothing" : text(runtime::message::copy_of({m->data, m->size}));
}

// The callbacks. Null: the callback notes its name in the book and carries on.
struct script {
  test::diary* book = nullptr;
  std::function<std::int32_t(coppice_actor*)> create, init, go_on, save, restore, after_restore;
  std::function<std::int32_t(coppice_actor*, const coppice_message*, coppice_bytes)> call;
  std::function<std::int32_t(coppice_actor*, const coppice_message*)> info;
};
inline script play;

inline std::int32_t note(std::string line) {
  play.book->write(std::move(line));
  return COPPICE_OK;
}

// The context of the request whose end the running callback is told. Empty: none.
inline std::string context(coppice_actor* self) {
  const coppice_bytes kept = host::context_interface()->borrowed(self);
  if (kept.size == 0) return {};
  return text(runtime::message::copy_of({kept.data, static_cast<std::size_t>(kept.size)}));
}

inline const coppice_lifecycle full_lifecycle = [] {
  coppice_lifecycle table{};
  table.size = sizeof table;
  table.create = [](coppice_actor* self, void** state) {
    *state = &play;
    return play.create ? play.create(self) : COPPICE_OK;
  };
  table.init = [](coppice_actor* self, void*, const coppice_message* args) {
    return play.init ? play.init(self) : note("init " + shown(args));
  };
  table.handle_continue = [](coppice_actor* self, void*) {
    return play.go_on ? play.go_on(self) : note("continue");
  };
  table.save_state = [](coppice_actor* self, void*, std::uint32_t*, coppice_writer* out) {
    coppice_write_integer(out, 42);
    return play.save ? play.save(self) : COPPICE_OK;
  };
  table.restore_state = [](coppice_actor* self, void*, std::uint32_t, const coppice_message* m) {
    return play.restore ? play.restore(self) : note("restore " + shown(m));
  };
  table.after_restore = [](coppice_actor* self, void*) {
    return play.after_restore ? play.after_restore(self) : note("after_restore");
  };
  table.terminate = [](coppice_actor*, void*, const coppice_message* m) { note("terminate " + shown(m)); };
  table.destroy = [](void*) { note("destroy"); };
  return table;
}();
inline const coppice_server full_server = [] {
  coppice_server table{};
  table.size = sizeof table;
  table.handle_call = [](coppice_actor* self, void*, const coppice_message* m, coppice_bytes from) {
    return play.call(self, m, from);
  };
  table.handle_cast = [](coppice_actor*, void*, const coppice_message* m) {
    return note("cast " + shown(m));
  };
  table.handle_info = [](coppice_actor* self, void*, const coppice_message* m) {
    return play.info ? play.info(self, m) : note("info " + shown(m));
  };
  table.on_response = [](coppice_actor* self, void*, std::uint64_t, std::uint64_t tag, std::int32_t status,
                         const coppice_message* m) {
    const std::string kept = context(self);
    return note("response " + std::to_string(tag) + " " + std::to_string(status) + " " + shown(m) +
                (kept.empty() ? "" : " with " + kept));
  };
  return table;
}();
inline const coppice_lifecycle bare_lifecycle = [] {
  coppice_lifecycle table{};
  table.size = sizeof table;
  return table;
}();
inline const coppice_server bare_server = [] {
  coppice_server table{};
  table.size = sizeof table;
  return table;
}();

inline const coppice_table full_tables[] = {
    {COPPICE_LIFECYCLE_1, &full_lifecycle}, {COPPICE_SERVER_1, &full_server}, {nullptr, nullptr}};
inline const coppice_table bare_tables[] = {
    {COPPICE_LIFECYCLE_1, &bare_lifecycle}, {COPPICE_SERVER_1, &bare_server}, {nullptr, nullptr}};
inline const coppice_actor_type full_type = {
    sizeof(coppice_actor_type), 0, "scripted", "server", full_tables, nullptr};
inline const coppice_actor_type bare_type = {
    sizeof(coppice_actor_type), 0, "bare", "server", bare_tables, nullptr};

class stage {
 public:
  // `known`: the behaviours that its actors may have.
  explicit stage(host::behaviour_list known = host::hosted_behaviours(),
                 runtime::system_options options = test_host::options())
      : known_(known), host(std::move(options)) {
    play = {};
    play.book = &host.book;
  }
  ~stage() {
    host.system.stop();
    CHECK(image_.pins() == 0);
  }

  // Where its actors publish named events. Called before there are actors; `events` outlives them.
  void publish_in(behaviours::event_channels& events) { image_.publish_in(&events); }

  // The plan from which an actor of that type is made.
  host::actor_plan plan(const coppice_actor_type& type = full_type) {
    host::actor_plan out;
    out.image = host::image_pin(image_);
    if (image_.find(type.name) == nullptr) image_.keep(host::read_code(type, "test", identities_, known_));
    out.code = image_.find(type.name);
    return out;
  }
  // Starts the actor. Returns what its spawner is told.
  std::string start(host::actor_plan plan, bool trap_exit = false, bool child = false) {
    const std::string name = plan.code->is->actor;
    auto does = host::make_actor(std::move(plan));
    return host.run([&](runtime::process& self) {
      runtime::spawn_options options;
      options.name = name;
      options.trap_exit = trap_exit;
      options.link = child;
      options.ack = self.make_ack();
      const auto ack = options.ack;
      const auto pid = self.spawn(std::move(options), std::move(does));
      REQUIRE(pid.has_value());
      const auto answer = self.await(ack);
      return answer ? text(*answer) : std::string("no answer");
    });
  }
  std::string start(const coppice_actor_type& type = full_type, bool trap_exit = false, bool child = false) {
    return start(plan(type), trap_exit, child);
  }
  std::string call(std::string_view request) {
    return host.call(runtime::destination::named("scripted"), request);
  }
  void send(std::string_view message) {
    host.system.send(runtime::destination::named("scripted"), term(message));
  }
  std::vector<std::string> lines(std::size_t count) { return host.book.take(count); }

 private:
  host::behaviour_list known_;
  host::identity_book identities_;
  host::plugin_image image_{"test", 3};

 public:
  test_host host;
};

using strings = std::vector<std::string>;

// Replies to the call with a term.
inline std::int32_t answer(coppice_actor* self, coppice_bytes from, std::string_view with) {
  literal reply(with);
  return calls.reply(self, from, &reply.raw);
}

} // namespace coppice::test
