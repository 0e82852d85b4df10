// SPDX-License-Identifier: MIT
// A running system whose actors come from plugin files. One thread.
#pragma once

#include "../behaviours/test_host.hpp"
#include "workshop.hpp"

namespace coppice::test {

class garden {
 public:
  // With the bundled plugins, or with those of a workshop that outlives this object.
  garden() : loads(shop_.bundled()) { open(); }
  explicit garden(const workshop& shop) : loads(shop.options()) { open(); }
  ~garden() { host.system.stop(); }

  // Starts an actor under its plugin's name, or under `name`. Returns the outcome of its init.
  std::string grow(const std::string& actor, std::string_view args = "#{}", std::string name = {},
                   std::string_view env = "#{}") {
    const auto loaded = loads.load_for(actor);
    if (!loaded) return loaded.error().text;
    if (name.empty()) name = actor.substr(0, actor.find(':'));
    runtime::actor_spec spec;
    spec.actor = actor;
    spec.args = term(args);
    spec.env = term(env);
    auto does = loads.make(spec);
    if (!does) return does.error().text;
    return host.run([&](runtime::process& self) {
      runtime::spawn_options options;
      options.name = name;
      options.ack = self.make_ack();
      const auto ack = options.ack;
      const auto pid = self.spawn(std::move(options), std::move(*does));
      if (!pid) return pid.error().text;
      const auto answer = self.await(ack);
      return answer ? text(*answer) : std::string("no answer");
    });
  }
  std::string call(const std::string& name, std::string_view request) {
    return host.call(runtime::destination::named(name), request);
  }
  void cast(std::string name, std::string_view what) {
    host.run([&](runtime::process& self) {
      behaviours::gen::cast(self, runtime::destination::named(std::move(name)), term(what).bytes());
      return 0;
    });
  }

 private:
  void open() {
    REQUIRE(loads.prepare().has_value());
    host.system.set_factory(&loads);
  }
  workshop shop_; // outlives the loader

 public:
  loader::loader loads; // outlives the system
  test_host host;
};

} // namespace coppice::test
