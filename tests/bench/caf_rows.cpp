// SPDX-License-Identifier: MIT
// The C++ Actor Framework's side of the local rows (CAF 0.17, Debian's libcaf-dev), written against its
// public API. Prints `NAME VALUE UNIT spread LOW HIGH cpu NS` for each row. PEER_BENCH_ONLY, _RUNS and _SCALE
// mean the same as for the other programs. CAF_POLICY is the policy of its scheduler, "stealing" or
// "sharing".
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace caf;

using get = atom_constant<atom("get")>;
using go = atom_constant<atom("go")>;
using finished = atom_constant<atom("finished")>;
using ping = atom_constant<atom("ping")>;
using pong = atom_constant<atom("pong")>;
using message_to = atom_constant<atom("msg")>;
using token = atom_constant<atom("token")>;
using next_is = atom_constant<atom("next")>;
using spin = atom_constant<atom("spin")>;
using halt = atom_constant<atom("halt")>;
using next_batch = atom_constant<atom("batch")>;

behavior echo(event_based_actor*) {
  return {[](get, int key) { return key; }};
}

struct caller_state {
  std::uint64_t left = 0;
};
using caller_actor = stateful_actor<caller_state>;

void next_call(caller_actor* self, const actor& server, const actor& whom) {
  if (self->state.left-- == 0) return self->send(whom, finished::value);
  self->request(server, infinite, get::value, 42).then([=](int answer) {
    if (answer != 42) std::abort();
    next_call(self, server, whom);
  });
}
behavior caller(caller_actor* self, const actor& server, std::uint64_t times) {
  self->state.left = times;
  return {[=](go, const actor& whom) { next_call(self, server, whom); }};
}

behavior ponger(event_based_actor* self) {
  return {[=](ping, const actor& from) { self->send(from, pong::value); }};
}
behavior pinger(caller_actor* self, const actor& other, std::uint64_t times) {
  self->state.left = times;
  const auto serve = [=] { self->send(other, ping::value, actor_cast<actor>(self)); };
  return {[=](go, const actor& whom) {
            self->set_default_handler(drop);
            serve();
            self->become(message_handler{[=](pong) {
              if (--self->state.left == 0)
                self->send(whom, finished::value);
              else
                serve();
            }});
          },
          [](pong) {}};
}

// Adds up messages and reports when the expected number has come.
struct sum_state {
  std::uint64_t seen = 0;
  std::uint64_t sum = 0;
};
behavior drain(stateful_actor<sum_state>* self, std::uint64_t expected, const actor& whom) {
  return {[=](message_to, std::uint64_t value) {
    self->state.sum += value;
    if (++self->state.seen == expected) self->send(whom, finished::value);
  }};
}
behavior pourer(event_based_actor* self, const std::vector<actor>& into, std::uint64_t each) {
  return {[=](go, const actor&) {
    for (std::uint64_t i = 0; i < each; ++i)
      for (const actor& one : into) self->send(one, message_to::value, std::uint64_t{1});
  }};
}

struct link_state {
  actor next;
};
behavior ring_node(stateful_actor<link_state>* self) {
  return {[=](next_is, const actor& next) { self->state.next = next; },
          [=](token, std::uint64_t hops, const actor& home) {
            if (hops == 0)
              self->send(home, finished::value);
            else
              self->send(self->state.next, token::value, hops - 1, home);
          }};
}

behavior spinner(event_based_actor* self) {
  return {[=](spin, std::uint64_t left, const actor& whom) {
    if (left == 0)
      self->send(whom, finished::value);
    else
      self->send(self, spin::value, left - 1, whom);
  }};
}

// Spawns a batch, and the next one when the last actor of it has run. A thief takes from the far end of CAF's
// run queue, which it finds by walking the queue under its lock. So "stealing" is quadratic in the length of
// the queue, and with a million it does not end.
constexpr std::uint64_t batch = 100;
struct spawner_state {
  std::uint64_t left = 0;
  actor whom;
  std::atomic<std::uint64_t> running{0};
};
using spawner_actor = stateful_actor<spawner_state>;
void spawn_some(spawner_actor* self) {
  spawner_state& state = self->state;
  if (state.left == 0) return self->send(state.whom, finished::value);
  const std::uint64_t now = std::min(batch, state.left);
  state.left -= now;
  state.running = now;
  const actor home = self;
  for (std::uint64_t i = 0; i < now; ++i)
    self->spawn([home, &running = state.running](event_based_actor* one) {
      if (running.fetch_sub(1) == 1) one->send(home, next_batch::value);
    });
}
behavior spawner(spawner_actor* self, std::uint64_t count) {
  self->state.left = count;
  return {[=](go, const actor& whom) {
            self->state.whom = whom;
            spawn_some(self);
          },
          [=](next_batch) { spawn_some(self); }};
}

// Starts a server, stops it and waits for its end, that many times.
behavior halting(event_based_actor* self) {
  return {[](get, int key) { return key; }, [=](halt) { self->quit(); }};
}
behavior stopper(caller_actor* self, std::uint64_t times) {
  self->state.left = times;
  const auto start_one = [=] { self->send(self->spawn<monitored>(halting), halt::value); };
  return {[=](go, const actor& whom) {
    self->set_down_handler([=](down_msg&) {
      if (--self->state.left == 0)
        self->send(whom, finished::value);
      else
        start_one();
    });
    start_one();
  }};
}

// Sends itself message after message; each is some 2 µs of work.
struct busy_state {
  volatile std::int64_t sum = 1;
};
behavior busy(stateful_actor<busy_state>* self) {
  return {[=](spin) {
    for (int i = 0; i < 1000; ++i) self->state.sum = self->state.sum * 31 + i;
    self->send(self, spin::value);
  }};
}

// Asks that many times and keeps how long each answer took, in ns.
std::vector<std::int64_t> took;
void next_ping(caller_actor* self, const actor& server, const actor& whom) {
  if (self->state.left-- == 0) return self->send(whom, finished::value);
  const auto began = std::chrono::steady_clock::now();
  self->request(server, infinite, get::value, 42).then([=](int) {
    took.push_back((std::chrono::steady_clock::now() - began) / std::chrono::nanoseconds(1));
    next_ping(self, server, whom);
  });
}
behavior timing_caller(caller_actor* self, const actor& server, std::uint64_t times) {
  self->state.left = times;
  return {[=](go, const actor& whom) { next_ping(self, server, whom); }};
}

// A run: its operations, and the actors that get `go`. It ends when `done` of them have reported that they
// finished.
struct setting {
  std::uint64_t operations = 0;
  std::vector<actor> starting;
  std::size_t done = 0;
  std::vector<actor> kept{}; // killed afterwards
};

using shares =
    std::vector<std::pair<std::string, double>>; // a row, and the share of pings that took no longer

struct bench {
  actor_system& system;

  static std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  }
  static std::uint64_t scaled(std::uint64_t count) {
    return std::max<std::uint64_t>(1, count * number("PEER_BENCH_SCALE", 100) / 100);
  }
  static bool wanted(const std::string& name) {
    const char* only = std::getenv("PEER_BENCH_ONLY");
    return only == nullptr || ("," + std::string(only) + ",").find("," + name + ",") != std::string::npos;
  }

  static double processor_nanoseconds() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto nanoseconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
    };
    return nanoseconds(use.ru_utime) + nanoseconds(use.ru_stime);
  }

  void row(const char* name, const char* unit, const std::function<setting(scoped_actor&)>& prepare) const {
    if (!wanted(name)) return;
    std::vector<double> rates, used;
    for (std::uint64_t run = number("PEER_BENCH_RUNS", 3); run != 0; --run) {
      scoped_actor self{system};
      const setting made = prepare(self);
      const double before = processor_nanoseconds();
      const auto began = std::chrono::steady_clock::now();
      for (const actor& one : made.starting) self->send(one, go::value, actor_cast<actor>(self));
      for (std::size_t left = made.done; left != 0; --left) self->receive([](finished) {});
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      rates.push_back(static_cast<double>(made.operations) / took.count());
      used.push_back((processor_nanoseconds() - before) / static_cast<double>(made.operations));
      for (const actor& one : made.kept) self->send_exit(one, exit_reason::kill);
    }
    std::ranges::sort(rates);
    std::ranges::sort(used);
    std::printf("%s %.1f %s spread %.1f %.1f cpu %.1f\n", name, rates[rates.size() / 2], unit, rates.front(),
                rates.back(), used[used.size() / 2]);
  }

  setting pairs(std::uint64_t count, std::uint64_t operations) const {
    setting made{operations, {}, count};
    for (std::uint64_t i = 0; i < count; ++i)
      made.starting.push_back(system.spawn(caller, system.spawn(echo), operations / count));
    return made;
  }

  void idle(std::uint64_t count) const {
    const std::string name = "idle_gen_server_rss_each_" + std::to_string(count);
    if (!wanted(name)) return;
    const auto resident = [] {
      std::uint64_t pages = 0, shared = 0;
      std::ifstream("/proc/self/statm") >> pages >> shared;
      return shared * 4096;
    };
    const std::uint64_t before = resident();
    std::vector<actor> all;
    all.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) all.push_back(system.spawn(echo));
    std::printf("%s %.1f bytes\n", name.c_str(),
                static_cast<double>(resident() - before) / static_cast<double>(count));
  }

  void pings() const {
    // Each row with its share of pings that took no longer.
    const std::vector<std::pair<std::string, double>> names{{"local_ping_busy1000_p50", 0.5},
                                                            {"local_ping_busy1000_p99", 0.99},
                                                            {"local_ping_busy1000_p999", 0.999}};
    if (std::ranges::none_of(names, [](const auto& one) { return wanted(one.first); })) return;
    scoped_actor self{system};
    std::vector<actor> load;
    for (int i = 0; i < 1000; ++i) load.push_back(system.spawn(busy));
    for (const actor& one : load) self->send(one, spin::value);
    self->send(system.spawn(timing_caller, system.spawn(echo), scaled(500)), go::value,
               actor_cast<actor>(self));
    self->receive([](finished) {});
    for (const actor& one : load) self->send_exit(one, exit_reason::kill);
    std::ranges::sort(took);
    for (const auto& [name, share] : names) {
      const auto at = static_cast<std::size_t>(static_cast<double>(took.size() - 1) * share);
      if (wanted(name)) std::printf("%s %.1f us\n", name.c_str(), static_cast<double>(took[at]) / 1000);
    }
  }

  void run() const {
    const auto self_of = [](scoped_actor& self) { return actor_cast<actor>(self); };
    row("local_call_1pair", "calls/s", [&](auto&) { return pairs(1, scaled(1000000)); });
    row("local_call_pairs_2", "calls/s", [&](auto&) { return pairs(2, scaled(2000000)); });
    row("local_call_pairs_16", "calls/s", [&](auto&) { return pairs(16, scaled(2000000)); });
    row("local_call_pairs_256", "calls/s", [&](auto&) { return pairs(256, scaled(2000000)); });
    row("local_bang_1pair", "roundtrips/s", [&](auto&) {
      const std::uint64_t rounds = scaled(2000000);
      return setting{rounds, {system.spawn(pinger, system.spawn(ponger), rounds)}, 1};
    });
    // CAF has only one kind of message without an answer.
    for (const char* const name : {"local_fanin16_cast", "local_fanin16_bang"})
      row(name, "msgs/s", [&](auto& self) {
        const std::uint64_t each = scaled(3200000) / 16;
        const actor sink = system.spawn(drain, 16 * each, self_of(self));
        setting made{16 * each, {}, 1};
        for (int i = 0; i < 16; ++i)
          made.starting.push_back(system.spawn(pourer, std::vector<actor>{sink}, each));
        return made;
      });
    row("local_fanout16_bang", "msgs/s", [&](auto& self) {
      const std::uint64_t each = scaled(3200000) / 16;
      std::vector<actor> sinks;
      for (int i = 0; i < 16; ++i) sinks.push_back(system.spawn(drain, each, self_of(self)));
      return setting{16 * each, {system.spawn(pourer, sinks, each)}, 16};
    });
    row("local_ring1000", "hops/s", [&](auto& self) {
      std::vector<actor> nodes;
      for (int i = 0; i < 1000; ++i) nodes.push_back(system.spawn(ring_node));
      for (std::size_t i = 0; i < nodes.size(); ++i)
        self->send(nodes[i], next_is::value, nodes[(i + 1) % nodes.size()]);
      self->send(nodes[0], token::value, scaled(3000000), self_of(self));
      return setting{scaled(3000000), {}, 1, nodes};
    });
    row("local_skewed64", "msgs/s", [&](auto& self) {
      const std::uint64_t each = scaled(3200000) / 64;
      for (int i = 0; i < 64; ++i) self->send(system.spawn(spinner), spin::value, each, self_of(self));
      return setting{64 * each, {}, 64};
    });
    row("local_gen_server_start_stop", "procs/s", [&](auto&) {
      return setting{scaled(200000), {system.spawn(stopper, scaled(200000))}, 1};
    });
    for (const std::uint64_t spawners : {1, 2}) {
      const std::string name =
          "local_spawn_exit_" + std::to_string(spawners) + (spawners == 1 ? "spawner" : "spawners");
      const std::uint64_t each = scaled(1000000) / spawners;
      row(name.c_str(), "procs/s", [&](auto&) {
        setting made{spawners * each, {}, spawners};
        for (std::uint64_t i = 0; i < spawners; ++i) made.starting.push_back(system.spawn(spawner, each));
        return made;
      });
    }
  }
};

} // namespace

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); // prints a row as soon as it is measured
  actor_system_config options;
  const char* const policy = std::getenv("CAF_POLICY");
  options.set("scheduler.policy",
              policy != nullptr && std::string(policy) == "sharing" ? atom("sharing") : atom("stealing"));
  if (count > 2 && std::string(arguments[1]) == "idle") {
    actor_system system{options};
    bench{system}.idle(std::strtoull(arguments[2], nullptr, 10));
    std::fflush(stdout);
    std::_Exit(0); // stopping a million actors would take too long
  }
  {
    actor_system system{options};
    bench{system}.run();
  }
  // An actor with messages keeps its thread unless told otherwise: busy actors would never let another run.
  options.set("scheduler.max-throughput", 10);
  actor_system system{options};
  bench{system}.pings();
  return 0;
}
