// SPDX-License-Identifier: MIT
// How much work the services do for what another node asks, in steps (counted_steps.hpp). A generator walks
// the services' own tables of requests. Each request is sent with long lists, and with large terms wherever a
// term may stand. What is four times as long may cost about four times as much, a request may cost so many
// steps for each of its bytes, and what a small request costs does not depend on what the node keeps, unless
// it asks for all of that. And no bystander on the same worker waits for more than a turn's budget.
//
// COPPICE_REQUEST_SECONDS: also requests of random sizes up to 1 MB, for so long, from COPPICE_REQUEST_SEED.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <optional>

#include "base/log.hpp"
#include "counted_steps.hpp"
#include "large_terms.hpp"
#include "runtime/find_processes.hpp"
#include "seeded_dice.hpp"
#include "services/events/event_service.hpp"
#include "services/global/name_server.hpp"
#include "services/io/user.hpp"
#include "services/net_kernel.hpp"
#include "services/observer/appmon_info.hpp"
#include "services/pg/scope.hpp"
#include "services/rpc/rex.hpp"
#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using behaviours::peer_request;
using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::pid;
using runtime::process;
using form = behaviours::gen::request::kind;

namespace {

// Steps that a request may cost beside what its size explains: other processes of the worker have some, too.
constexpr std::uint64_t always = 400'000;
constexpr std::uint64_t most_a_byte = 1000;
// A turn may look at turn_reductions entries, and some times at the bytes of a message.
constexpr std::uint64_t most_a_turn = 1000 * std::uint64_t{runtime::turn_reductions};
constexpr std::uint64_t most_a_byte_in_a_turn = 200;

struct cost {
  std::uint64_t all = 0;  // steps until all is done
  std::uint64_t turn = 0; // the most between two turns of a bystander
};

// While it is there, what peers cause the services to log is not written.
struct quiet_log {
  quiet_log() { base::log::set_level(base::log::level::error); }
  ~quiet_log() { base::log::set_level(before); }
  quiet_log(const quiet_log&) = delete;
  quiet_log& operator=(const quiet_log&) = delete;

 private:
  const base::log::level before = base::log::current_level();
};

// Two connected nodes. What is sent to the first one, which has a single worker, comes from the second.
struct site {
  site() : a(epmd, "a@127.0.0.1", chosen(), 1), b(epmd, "b@127.0.0.1", chosen()) { connect(); }

  static services::options chosen() {
    services::options out;
    out.rpc = {"info", "observer", "env"};
    out.pg = {"pg"};
    return out;
  }
  // A request may end the connection, as one that has too long a name does.
  void connect() {
    const auto connected = [&] { return !a.router.nodes(runtime::remote_router::which::visible).empty(); };
    if (node != 0 && connected()) return start_appmon();
    REQUIRE(eventually([&] {
      return runtime::is_atom(ask(bystander, a.see(b, "net_kernel"), is_auth()), "yes") && connected();
    }));
    node = *a.host.nodes().find("b@127.0.0.1");
    ask(bystander, destination::named("pg"), message::atom("which_groups"));
    ask(bystander, destination::named("global_name_server"), message::atom("get_synced"));
    start_appmon();
  }
  // A process for the asker alone, which ends with the connection.
  void start_appmon() {
    if (a.host.whereis("appmon_info")) return;
    REQUIRE(a.host.spawn({.name = "appmon_info"}, appmon()));
  }
  std::unique_ptr<services::appmon_info> appmon() const {
    bool tell = false;
    return std::make_unique<services::appmon_info>(asker(), *calls.begin(node, tell));
  }
  static message is_auth() {
    message_writer out;
    out.tuple(2);
    out.atom("is_auth");
    out.atom("a@127.0.0.1");
    return out.take();
  }
  // A process that the second node does not have.
  pid at_b(std::size_t i) const {
    return {node, b.host.creation(), static_cast<std::uint32_t>(100'000 + i % 100'000),
            static_cast<std::uint32_t>(i / 100'000)};
  }
  // Processes of the second node that are there: a service, and who asks.
  pid service_of_b(std::string_view name) const {
    const auto found = b.host.whereis(name);
    REQUIRE(found);
    return {node, b.host.creation(), found->id, found->serial};
  }
  pid asker() const { return {node, b.host.creation(), there.id().id, there.id().serial}; }
  void write(etf::writer& out, const pid& who) const { runtime::write(out, who, a.host.nodes()); }

  // What the worker does from the delivery on until the service waits and all that it started has ended.
  cost of(const std::string& service, const message& m) {
    const auto who = a.host.whereis(service);
    if (!who && service == "appmon_info") return {}; // it has ended with the connection
    REQUIRE(who);
    std::promise<cost> told;
    auto ended = told.get_future();
    std::uint64_t last = 0;
    cost seen;
    std::function<void(process&)> look = [&](process&) {
      const std::uint64_t passed = steps() - last;
      seen.turn = std::max(seen.turn, passed);
      seen.all += passed;
      if (is_done(*who)) return told.set_value(seen);
      bystander.start(look);
      last = steps(); // what looking costs is left out
    };
    bystander.start([&](process&) {
      auto made = runtime::make_signal(runtime::signal_kind::message, asker(), m);
      made->flags = runtime::signal::remote;
      last = steps();
      a.host.deliver(destination::named(service), std::move(made));
      bystander.start(look);
    });
    REQUIRE(ended.wait_for(patience * 3) == std::future_status::ready);
    return ended.get();
  }

  const quiet_log quiet;
  epmd_server epmd;
  whole_node a, b;
  actor bystander{a.host};
  actor there{b.host};
  services::running_calls calls;
  std::uint32_t node = 0; // index of the second node at the first

 private:
  bool is_done(const pid& service) const {
    for (const runtime::process_summary& one : a.host.processes()) {
      const bool is_apart = one.label == "rpc" || one.label == "no shell";
      if (is_apart || (one.pid == service && one.status != runtime::process_status::waiting)) return false;
    }
    return true;
  }
};

using fields = std::vector<message>;

template <class Write>
message term(Write write) {
  message_writer out;
  write(out);
  return out.take();
}

message small_number(std::int64_t value) {
  return term([&](etf::writer& out) { out.integer(value); });
}

// The parts of a well-formed request: `any` stands where any term may stand, and lists have `many` elements.
struct parts {
  const site& of;
  const message& any;
  std::size_t many = 1;
  const peer_request& row;

  message pid_at(std::size_t i) const {
    return term([&](etf::writer& out) { of.write(out, of.at_b(i)); });
  }
  message asker() const {
    return term([&](etf::writer& out) { of.write(out, of.asker()); });
  }
  message service(std::string_view name) const {
    return term([&](etf::writer& out) { of.write(out, of.service_of_b(name)); });
  }
  message tuple(std::initializer_list<message> elements) const {
    return term([&](etf::writer& out) {
      out.tuple(static_cast<std::uint32_t>(elements.size()));
      for (const message& one : elements) out.raw(one.bytes());
    });
  }
  template <class Element>
  message list(Element element) const {
    return term([&](etf::writer& out) {
      out.list(static_cast<std::uint32_t>(many));
      for (std::size_t i = 0; i < many; ++i) out.raw(element(i).bytes());
      out.nil();
    });
  }
  // A term that is another one for each number.
  message numbered(std::size_t i) const {
    return tuple({message::atom("key"), small_number(static_cast<std::int64_t>(i))});
  }
  message pids() const {
    return list([&](std::size_t i) { return pid_at(i); });
  }
  message groups() const {
    return list([&](std::size_t i) { return numbered(i); });
  }
  message named_process(std::size_t i) const { return tuple({many == 1 ? any : numbered(i), asker(), any}); }
  message changes() const {
    return list([&](std::size_t i) { return tuple({message::atom("insert"), named_process(i)}); });
  }
  static message nil() {
    return term([](etf::writer& out) { out.nil(); });
  }
  static message here() { return message::atom("b@127.0.0.1"); }
};

struct example {
  std::string_view service;
  std::string_view what;
  std::function<fields(const parts&)> make; // what follows the request's name
};

const std::vector<example>& examples() {
  using p = const parts&;
  const auto any = [](p of) { return fields{of.any}; };
  const auto group_and_pids = [](p of) { return fields{of.any, of.pids()}; };
  const auto lock = [](p of) { return fields{of.tuple({of.any, of.any})}; };
  const auto apply = [](p of) {
    return fields{message::atom("erlang"), message::atom("nodes"), of.groups(), message::atom("user")};
  };
  const auto apply_any = [](p of) {
    return fields{message::atom("pg"), message::atom("get_members"), term([&](etf::writer& out) {
                    out.list(1);
                    out.raw(of.any.bytes());
                    out.nil();
                  }),
                  message::atom("user")};
  };
  const auto spawn = [](p of) { return fields{message::atom("m"), message::atom("f"), of.any, of.groups()}; };
  const auto io = [](p of, const message& request) { return fields{of.asker(), of.any, request}; };
  static const std::vector<example> all{
      {"pg", "get_members", any},
      {"pg", "get_local_members", any},
      {"pg", "which_groups", {}},
      {"pg", "which_local_groups", {}},
      {"pg", "join_local", group_and_pids},
      {"pg", "leave_local", group_and_pids},
      {"pg", "monitor", any},
      {"pg", "demonitor", any},
      {"pg", "sync",
       [](p of) {
         return fields{of.service("pg"), of.list([&](std::size_t i) {
                         return of.tuple({of.many == 1 ? of.any : of.numbered(i), of.pid_at(i)});
                       })};
       }},
      {"pg", "discover", [](p of) { return fields{of.service("pg")}; }},
      {"pg", "join",
       [](p of) {
         return fields{of.service("pg"), of.any, of.pids()};
       }},
      {"pg", "leave",
       [](p of) {
         return fields{of.service("pg"), of.pids(), of.groups()};
       }},
      {"global_name_server", "get_known", {}},
      {"global_name_server", "get_synced", {}},
      {"global_name_server", "registered_names", {}},
      {"global_name_server", "get_protocol_version", {}},
      {"global_name_server", "set_lock", lock},
      {"global_name_server", "del_lock", lock},
      {"global_name_server", "register",
       [](p of) {
         return fields{of.any, of.asker(), of.any};
       }},
      {"global_name_server", "register_ext",
       [](p of) {
         return fields{of.any, of.asker(), of.any, of.asker()};
       }},
      {"global_name_server", "unregister", any},
      {"global_name_server", "whereis_name", any},
      {"global_name_server", "may_register",
       [](p of) {
         return fields{of.tuple({of.any, of.asker()})};
       }},
      {"global_name_server", "sync",
       [](p of) { return fields{of.list([&](std::size_t) { return of.here(); })}; }},
      {"global_name_server", "init_connect",
       [](p of) {
         return fields{of.tuple({small_number(8), small_number(1)}), of.here(),
                       of.tuple({message::atom("locker"), of.any, of.any, of.service("global_name_server")})};
       }},
      {"global_name_server", "exchange",
       [](p of) {
         return fields{of.here(), of.list([&](std::size_t i) { return of.named_process(i); }), of.any,
                       small_number(1)};
       }},
      {"global_name_server", "lock_set",
       [](p of) {
         fields out{of.service("global_name_server"), message::atom("true"), of.any};
         if (of.row.form == form::cast) out.push_back(small_number(1));
         return out;
       }},
      {"global_name_server", "resolved",
       [](p of) { return fields{of.here(), of.changes(), of.nil(), of.any, of.any, small_number(1)}; }},
      {"global_name_server", "in_sync",
       [](p of) {
         return fields{of.here(), message::atom("true")};
       }},
      {"global_name_server", "new_nodes",
       [](p of) {
         return fields{of.here(), of.changes(), of.any, of.list([&](std::size_t) { return of.here(); }),
                       of.any};
       }},
      {"global_name_server", "init_connect_ack",
       [](p of) {
         return fields{of.here(), small_number(1), of.any};
       }},
      {"global_name_server", "cancel_connect",
       [](p of) {
         return fields{of.here(), small_number(7)};
       }},
      {"global_name_server", "lost_connection",
       [](p of) {
         return fields{of.here(), small_number(77), small_number(1), message::atom("x@127.0.0.1")};
       }},
      {"global_name_server", "remove_connection", [](p) { return fields{message::atom("x@127.0.0.1")}; }},
      {"global_name_server", "whereis",
       [](p of) {
         return fields{of.any, of.tuple({of.asker(), of.any})};
       }},
      {"global_name_server", behaviours::answer_to_alias, any},
      {"rex", "call", apply},
      {"rex", "call", apply_any},
      {"rex", "block_call", apply},
      {"rex", "cast", apply},
      {"rex", "features_request", {}},
      {"rex", "sbcast",
       [](p of) {
         return fields{message::atom("net_kernel"), of.any};
       }},
      {"user", "io_request",
       [io](p of) {
         return io(of, of.tuple({message::atom("put_chars"), message::atom("unicode"), of.any}));
       }},
      {"user", "io_request",
       [io](p of) {
         return io(of, of.tuple({message::atom("requests"), of.list([&](std::size_t) {
                                   return of.tuple({message::atom("setopts"), of.nil()});
                                 })}));
       }},
      {"user", "io_request",
       [io](p of) {
         const message format = term([](etf::writer& out) { out.binary("~p~n"); });
         const message arguments = term([&](etf::writer& out) {
           out.list(2);
           out.raw(format.bytes());
           out.list(1);
           out.raw(of.any.bytes());
           out.nil();
           out.nil();
         });
         return io(of, of.tuple({message::atom("put_chars"), message::atom("unicode"),
                                 message::atom("io_lib"), message::atom("format"), arguments}));
       }},
      {"appmon_info", "app_ctrl",
       [](p of) {
         return fields{of.any, message::atom("true"), of.groups()};
       }},
      {"appmon_info", "app",
       [](p of) {
         return fields{of.any, message::atom("true"), of.groups()};
       }},
      {"net_kernel", "is_auth", any},
      {"net_kernel", "spawn", spawn},
      {"net_kernel", "spawn_link", spawn},
      {"net_kernel", "spawn_opt", spawn},
      {"coppice_events", "list", {}},
      {"coppice_events", "subscribe",
       [](p of) {
         return fields{message::atom("ticks"), of.any};
       }},
      {"coppice_events", "unsubscribe", [](p) { return fields{message::atom("ticks")}; }},
      {"coppice_events", "publish",
       [](p of) {
         return fields{message::atom("ticks"), of.any};
       }},
  };
  return all;
}

// They ask for what the node has, or for what it sends of that to another one.
constexpr std::array<std::string_view, 11> lists_all{
    "which_groups", "which_local_groups", "get_members", "monitor",  "discover", "registered_names",
    "get_known",    "get_synced",         "exchange",    "lock_set", "list"};

bool asks_for_all(const peer_request& row) {
  return std::ranges::find(lists_all, row.what) != lists_all.end();
}

// A row of a service's table.
struct taken {
  std::string service;
  peer_request row;
};

std::vector<taken> all_rows(site& at) {
  std::map<std::string, std::unique_ptr<behaviours::native_server>> servers;
  servers["appmon_info"] = at.appmon();
  servers["rex"] = std::make_unique<services::rex>(nullptr);
  servers["user"] = std::make_unique<services::user>();
  servers["net_kernel"] = std::make_unique<services::net_kernel>();
  servers["pg"] = std::make_unique<services::pg_scope>("pg", true, at.a.router, services::peer_bounds());
  servers["global_name_server"] =
      std::make_unique<services::global_name_server>(at.a.router, services::peer_bounds());
  servers["coppice_events"] = std::make_unique<services::event_service>(at.a.events, services::peer_bounds());
  std::vector<taken> rows;
  for (const auto& [name, server] : servers) {
    const auto table = server->from_peers();
    REQUIRE(table);
    for (const peer_request& row : *table) rows.push_back({name, row});
  }
  return rows;
}

// In the envelope of its form. `given`: what follows its name.
message request_of(const site& at, const taken& of, const fields& given) {
  message_writer body;
  if (of.row.most == 0) {
    body.atom(of.row.what);
  } else {
    const bool has_asker = of.row.most == 5 && of.row.what.starts_with("app");
    body.tuple(static_cast<std::uint32_t>(given.size()) + (has_asker ? 2 : 1));
    if (has_asker) at.write(body, at.asker());
    if (of.row.what == behaviours::answer_to_alias) {
      body.list(1);
      body.atom("alias");
      at.write(body, at.asker());
    } else {
      body.atom(of.row.what);
    }
    for (const message& one : given) body.raw(one.bytes());
  }
  message_writer out;
  if (of.row.form == form::call) {
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    at.write(out, at.asker());
    out.atom("tag");
  } else if (of.row.form == form::cast) {
    out.tuple(2);
    out.atom("$gen_cast");
  } else if (of.service == "rex") {
    out.tuple(2);
    at.write(out, at.asker());
  }
  out.raw(body.view());
  return out.take();
}

message term_of(const large_term& what, std::size_t bytes) {
  return term([&](etf::writer& out) { what.write(out, bytes); });
}

// What a kind of request has cost the most.
struct most {
  void note(const cost& seen, std::size_t bytes, const std::string& what) {
    const std::uint64_t a_byte = (seen.all - std::min(seen.all, always)) / bytes;
    if (a_byte > byte) byte = a_byte, dearest = what;
    if (seen.turn > turn) turn = seen.turn, longest = what;
    ++count;
  }
  void print() const {
    std::printf(
        "# measured: %zu requests; at most %llu steps a byte (%s); the longest turn: %llu steps (%s)\n",
        count, static_cast<unsigned long long>(byte), dearest.c_str(), static_cast<unsigned long long>(turn),
        longest.c_str());
    std::fflush(stdout);
  }
  std::size_t count = 0;
  std::uint64_t byte = 0, turn = 0;
  std::string dearest, longest;
};

// The names of two nodes are compared once, when both hold the lock.
void begin_session(site& at) {
  const message little = message::atom("x");
  const auto say = [&](std::string_view what, fields given) {
    const auto arity = static_cast<std::uint32_t>(given.size()) + 1;
    const taken to{"global_name_server", {form::cast, what, arity, arity, peer_request::nothing}};
    at.of(to.service, request_of(at, to, given));
  };
  const peer_request none;
  const parts of{at, little, 1, none};
  const message locker = of.service("global_name_server");
  say("in_sync", {parts::here(), message::atom("true")});
  say("init_connect", {of.tuple({small_number(8), small_number(1)}), parts::here(),
                       of.tuple({message::atom("locker"), little, little, locker})});
  say("lock_set", {locker, message::atom("true"), little, small_number(1)});
}

// Sends it and holds what it costs against its size.
cost send(site& at, const taken& to, const fields& given, const std::string& how, most& seen) {
  at.connect();
  if (to.row.what == "exchange") begin_session(at);
  const message whole = request_of(at, to, given);
  const std::string what = to.service + " " + std::string(to.row.what) + ", " + how;
  CAPTURE(what);
  const cost spent = at.of(to.service, whole);
  seen.note(spent, whole.size(), what);
  if (!asks_for_all(to.row)) CHECK(spent.all <= always + most_a_byte * whole.size());
  CHECK(spent.turn <= always + most_a_turn + most_a_byte_in_a_turn * whole.size());
  return spent;
}

// Sends one and then one that is four times as long.
template <class Make>
void send_growing(site& at, const taken& to, Make make, std::size_t size, const std::string& how,
                  most& seen) {
  const cost once = send(at, to, make(size), how, seen);
  const cost four_times = send(at, to, make(4 * size), how + " four times", seen);
  CAPTURE(to.service);
  CAPTURE(to.row.what);
  CAPTURE(how);
  CHECK(four_times.all <= always + 6 * once.all);
}

std::vector<example> examples_of(const taken& of) {
  std::vector<example> found;
  std::ranges::copy_if(examples(), std::back_inserter(found), [&](const example& one) {
    return one.service == of.service && one.what == of.row.what;
  });
  return found;
}

fields made(const site& at, const taken& to, const example& by, const message& any, std::size_t many) {
  if (to.row.most == 0 || !by.make) return {};
  return by.make(parts{at, any, many, to.row});
}

} // namespace

TEST_CASE("what a request of another node costs grows with its length and no faster, at every place") {
  constexpr std::size_t size = 3000, many = 500;
  site at;
  most seen;
  const auto rows = all_rows(at);
  CHECK(rows.size() > 40);
  const message little = message::atom("x");
  std::size_t next = 0;
  for (const taken& to : rows) {
    const auto found = examples_of(to);
    REQUIRE_MESSAGE(!found.empty(),
                    to.service << " takes " << to.row.what << ", of which there is no example");
    for (const example& by : found) {
      const fields usual = made(at, to, by, little, 1);
      REQUIRE(
          behaviours::find_request(
              std::span(&to.row, 1), to.row.form,
              request_of(at, {"", {form::info, to.row.what, to.row.least, to.row.most, to.row.causes}}, usual)
                  .bytes()) != nullptr);
      send_growing(
          at, to, [&](std::size_t n) { return made(at, to, by, little, n); }, many, "long lists", seen);
      for (const large_term& large : large_terms) {
        const auto with_term = [&](std::size_t n) { return made(at, to, by, term_of(large, n), 1); };
        send_growing(at, to, with_term, size, std::string(large.name), seen);
      }
      for (std::size_t i = 0; i < usual.size(); ++i) {
        const large_term& large = large_terms[next++ % large_terms.size()];
        const auto with_field = [&](std::size_t n) {
          fields changed = usual;
          changed[i] = term_of(large, n);
          return changed;
        };
        send_growing(at, to, with_field, size,
                     std::string(large.name) + " as element " + std::to_string(i + 2), seen);
      }
    }
  }
  seen.print();
}

TEST_CASE("a small request costs as little where much is kept, and lists of it are made in turns") {
  constexpr std::size_t memberships = 40'000, names = 10'000;
  site at;
  most seen;
  const auto rows = all_rows(at);
  const message little = message::atom("x");
  const auto fill = [&](std::string_view service, std::string_view what, std::size_t many) {
    for (const taken& to : rows)
      if (to.service == service && to.row.what == what)
        for (const example& by : examples_of(to)) send(at, to, made(at, to, by, little, many), "many", seen);
  };
  fill("pg", "sync", memberships);
  fill("global_name_server", "new_nodes", names);
  const auto groups = [&] {
    return ask(at.bystander, destination::named("pg"), message::atom("which_groups"));
  };
  REQUIRE(groups().size() > memberships);
  for (const taken& to : rows) {
    if (to.row.what == "sync") continue; // it takes away what is kept and not in it
    CAPTURE(to.service);
    CAPTURE(to.row.what);
    for (const example& by : examples_of(to)) {
      at.connect();
      const cost spent = at.of(to.service, request_of(at, to, made(at, to, by, message::atom("one"), 1)));
      // An answer is looked through once before it leaves the node, however long it is.
      CHECK(spent.turn <= always + most_a_turn + spent.all / 2);
      if (!asks_for_all(to.row)) CHECK(spent.all <= always);
    }
  }
  CHECK(groups().size() > memberships);
}

TEST_CASE("requests of random sizes up to 1 MB cost what their size explains") {
  const char* const asked = std::getenv("COPPICE_REQUEST_SECONDS");
  const char* const from = std::getenv("COPPICE_REQUEST_SEED");
  const std::int64_t seconds = asked == nullptr ? 0 : std::atoll(asked);
  const std::uint64_t seed = from == nullptr ? 1 : std::strtoull(from, nullptr, 10);
  CAPTURE(seed);
  seeded_dice dice(seed);
  site at;
  most seen;
  const auto rows = all_rows(at);
  const std::int64_t until = real_now() + seconds * base::nanos_per_second;
  constexpr std::size_t at_least = 40;
  while (seen.count < at_least || real_now() < until) {
    const taken& to = rows[dice.below(rows.size())];
    const auto found = examples_of(to);
    REQUIRE_FALSE(found.empty());
    const example& by = found[dice.below(found.size())];
    const std::size_t bytes = std::size_t{64} << dice.below(15); // up to 1 MiB
    const std::size_t size = bytes / 2 + dice.below(bytes / 2);
    const message large =
        term_of(large_terms[dice.below(large_terms.size())], std::max<std::size_t>(size, 64));
    const bool is_list = dice.chance(300);
    fields given = made(at, to, by, is_list ? message::atom("x") : large, is_list ? size / 32 + 1 : 1);
    if (!given.empty() && dice.chance(300)) given[dice.below(given.size())] = large;
    send(at, to, given, "seed " + std::to_string(seed) + ", request " + std::to_string(seen.count), seen);
  }
  seen.print();
}
