// SPDX-License-Identifier: MIT
// At least one example for each row of each table of requests, with a large term or a long list wherever the
// service reads one. The sender's thread.
#include "request_examples.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace coppice::test {

using form = behaviours::gen::request::kind;
using runtime::message;
using runtime::message_writer;

namespace {

message small_number(std::int64_t value) {
  return term([&](etf::writer& out) { out.integer(value); });
}

message text(std::string_view what) {
  return term([&](etf::writer& out) { out.binary(what); });
}

using fields = request_fields;
using parts = const request_parts&;

fields any(parts of) {
  return {of.any};
}
fields group_and_pids(parts of) {
  return {of.any, of.pids()};
}
fields lock(parts of) {
  return {of.tuple({of.any, of.any})};
}
fields spawn(parts of) {
  return {message::atom("m"), message::atom("f"), of.any, of.keys()};
}

// {call, Module, Function, Arguments, user} of rpc with one large argument: the answer to a refused call
// contains all arguments, and is sent as a whole.
struct function_name {
  std::string_view module;
  std::string_view name;
  std::uint32_t arity;
};
constexpr std::array functions_with_arguments{function_name{"erlang", "nodes", 1},
                                              function_name{"erlang", "whereis", 1},
                                              function_name{"erlang", "is_process_alive", 1},
                                              function_name{"erlang", "system_info", 1},
                                              function_name{"erlang", "memory", 1},
                                              function_name{"erlang", "statistics", 1},
                                              function_name{"erlang", "process_info", 2},
                                              function_name{"application", "get_env", 1},
                                              function_name{"application", "get_env", 2},
                                              function_name{"application", "get_env", 3},
                                              function_name{"application", "get_all_env", 1},
                                              function_name{"application", "start", 1},
                                              function_name{"pg", "get_members", 1},
                                              function_name{"pg", "get_members", 2},
                                              function_name{"pg", "which_groups", 1},
                                              function_name{"global", "resolve_it", 4},
                                              function_name{"mod", "fun", 1}};

fields call_of(parts of, const function_name& which) {
  return {message::atom(which.module), message::atom(which.name), term([&](etf::writer& out) {
            out.list(which.arity);
            for (std::uint32_t i = 0; i < which.arity; ++i) {
              const bool is_of_global = which.module == "global"; // (Module, Name, Pid, Pid)
              if (i == (is_of_global ? 1 : which.arity - 1))
                out.raw(of.any.bytes());
              else if (is_of_global && i >= 2)
                of.write_pid(out, i);
              else
                out.atom("pg"); // a scope
            }
            out.nil();
          }),
          message::atom("user")};
}

fields call_of_many(parts of) {
  return {message::atom("erlang"), message::atom("nodes"), of.keys(), message::atom("user")};
}

void add_rpc(std::vector<request_example>& all) {
  for (const function_name& which : functions_with_arguments) {
    const auto call = [which](parts of) { return call_of(of, which); };
    all.push_back({"rex", "call", call, session::none, which.name});
    // [Tag, Module, Function, Arguments]
    all.push_back({"erpc", "execute_call",
                   [which](parts of) {
                     fields called = call_of(of, which);
                     called.pop_back();
                     called.insert(called.begin(), of.any);
                     return called;
                   },
                   session::none, which.name});
  }
  all.push_back({"rex", "call", call_of_many, session::none, "many arguments"});
  all.push_back({"rex", "block_call", call_of_many});
  all.push_back({"rex", "cast", call_of_many});
  all.push_back({"rex", "features_request", {}});
  all.push_back({"rex", "sbcast", [](parts of) { return fields{message::atom("net_kernel"), of.any}; }});
}

void add_pg(std::vector<request_example>& all) {
  const auto groups_of_scope = [](parts of) {
    return fields{of.asker(), of.list([&](etf::writer& out, std::size_t i) {
                    out.tuple(2);
                    of.write_key(out, i);
                    of.write_pid(out, i);
                  })};
  };
  all.insert(all.end(), {{"pg", "get_members", any},
                         {"pg", "get_local_members", any},
                         {"pg", "which_groups", {}},
                         {"pg", "which_local_groups", {}},
                         {"pg", "join_local", group_and_pids},
                         {"pg", "leave_local", group_and_pids},
                         {"pg", "monitor", any},
                         {"pg", "demonitor", any},
                         {"pg", "sync", groups_of_scope},
                         {"pg", "discover", [](parts of) { return fields{of.asker()}; }},
                         {"pg", "join",
                          [](parts of) {
                            return fields{of.asker(), of.any, of.pids()};
                          }},
                         {"pg", "leave", [](parts of) {
                            return fields{of.asker(), of.pids(), of.keys()};
                          }}});
}

void add_global(std::vector<request_example>& all) {
  const auto add = [&](std::string_view what, std::function<fields(parts)> make,
                       session needs = session::none) {
    all.push_back({"global_name_server", what, std::move(make), needs});
  };
  for (const std::string_view alone : {"get_known", "get_synced", "registered_names", "get_protocol_version"})
    add(alone, {});
  add("set_lock", lock);
  add("del_lock", lock);
  add("register", [](parts of) { return fields{of.any, of.asker(), of.any}; });
  add("register_ext", [](parts of) { return fields{of.any, of.asker(), of.any, of.asker()}; });
  add("unregister", any);
  add("whereis_name", any);
  add("may_register", [](parts of) { return fields{of.tuple({of.any, of.asker()})}; });
  add("sync", [](parts of) { return fields{of.nodes()}; });
  add("init_connect", [](parts of) {
    return fields{of.tuple({small_number(8), of.any}), of.node(),
                  of.tuple({message::atom("locker"), of.any, of.any, of.asker()})};
  });
  add(
      "exchange",
      [](parts of) {
        return fields{of.node(),
                      of.list([&](etf::writer& out, std::size_t i) { of.write_named_process(out, i); }),
                      of.any, small_number(1)};
      },
      session::begun);
  add(
      "lock_set",
      [](parts of) {
        fields out{of.asker(), message::atom("true"), of.any};
        if (of.form == form::cast) out.push_back(small_number(1));
        return out;
      },
      session::begun);
  add(
      "resolved",
      [](parts of) { return fields{of.node(), of.changes(), of.nodes(), of.any, of.any, small_number(1)}; },
      session::exchanged);
  add("in_sync", [](parts of) { return fields{of.node(), message::atom("true")}; });
  add("new_nodes", [](parts of) { return fields{of.node(), of.changes(), of.any, of.nodes(), of.any}; });
  add(
      "init_connect_ack",
      [](parts of) {
        return fields{of.node(), small_number(1), of.any};
      },
      session::begun);
  add("cancel_connect", [](parts of) { return fields{of.node(), small_number(1)}; });
  add("lost_connection", [](parts of) {
    return fields{of.node(), small_number(77), small_number(1), message::atom("y@127.0.0.1")};
  });
  add("remove_connection", [](parts) { return fields{message::atom("y@127.0.0.1")}; });
  add("whereis", [](parts of) { return fields{of.any, of.tuple({of.asker(), of.any})}; });
  add(behaviours::answer_to_alias, any);
}

void add_user(std::vector<request_example>& all) {
  const auto add = [&](std::string_view about, std::function<message(parts)> request) {
    all.push_back({"user", "io_request",
                   [request = std::move(request)](parts of) {
                     return fields{of.asker(), of.any, request(of)};
                   },
                   session::none, about});
  };
  add("characters", [](parts of) {
    return of.tuple({message::atom("put_chars"), message::atom("unicode"), of.any});
  });
  add("a batch", [](parts of) {
    return of.tuple({message::atom("requests"), of.list([&](etf::writer& out, std::size_t) {
                       out.tuple(2);
                       out.atom("setopts");
                       out.nil();
                     })});
  });
  add("a format", [](parts of) {
    const message arguments = term([&](etf::writer& out) {
      out.list(2);
      out.raw(text("~p~n").bytes());
      out.raw(of.one(of.any).bytes());
      out.nil();
    });
    return of.tuple({message::atom("put_chars"), message::atom("unicode"), message::atom("io_lib"),
                     message::atom("format"), arguments});
  });
}

void add_others(std::vector<request_example>& all) {
  for (const std::string_view what : {"app_ctrl", "app"})
    all.push_back({"appmon_info", what, [](parts of) {
                     return fields{of.any, message::atom("true"), of.keys()};
                   }});
  all.push_back({"net_kernel", "is_auth", any});
  for (const std::string_view what : {"spawn", "spawn_link", "spawn_opt"})
    all.push_back({"net_kernel", what, spawn});
  all.push_back({"coppice_events", "list", {}});
  all.push_back({"coppice_events", "unsubscribe", [](parts) { return fields{message::atom("ticks")}; }});
  for (const std::string_view what : {"subscribe", "publish"})
    all.push_back({"coppice_events", what, [](parts of) { return fields{message::atom("ticks"), of.any}; }});
}

} // namespace

void request_parts::write_pid(etf::writer& out, std::size_t i) const {
  constexpr std::size_t ids = 100'000;
  on.write_pid(out, {on.peer.node, on.peer.creation, static_cast<std::uint32_t>(ids + i % ids),
                     static_cast<std::uint32_t>(i / ids)});
}

message request_parts::asker() const {
  return term([&](etf::writer& out) { on.write_pid(out, on.peer); });
}

message request_parts::tuple(std::initializer_list<message> elements) const {
  return term([&](etf::writer& out) {
    out.tuple(static_cast<std::uint32_t>(elements.size()));
    for (const message& each : elements) out.raw(each.bytes());
  });
}

message request_parts::list(const element& write) const {
  return term([&](etf::writer& out) {
    out.list(static_cast<std::uint32_t>(many));
    for (std::size_t i = 0; i < many; ++i) write(out, i);
    out.nil();
  });
}

message request_parts::one(const message& element) const {
  return term([&](etf::writer& out) {
    out.list(1);
    out.raw(element.bytes());
    out.nil();
  });
}

void request_parts::write_key(etf::writer& out, std::size_t i) const {
  if (many == 1) return out.raw(any.bytes());
  out.tuple(2);
  out.atom("key");
  out.integer(static_cast<std::int64_t>(i));
}

message request_parts::pids() const {
  return list([&](etf::writer& out, std::size_t i) { write_pid(out, i); });
}

message request_parts::keys() const {
  return list([&](etf::writer& out, std::size_t i) { write_key(out, i); });
}

message request_parts::nodes() const {
  return list([&](etf::writer& out, std::size_t) { out.raw(node().bytes()); });
}

void request_parts::write_named_process(etf::writer& out, std::size_t i) const {
  out.tuple(3);
  write_key(out, i);
  write_pid(out, i);
  if (many == 1)
    out.raw(any.bytes());
  else
    out.atom("none");
}

message request_parts::changes() const {
  return list([&](etf::writer& out, std::size_t i) {
    out.tuple(2);
    out.atom("insert");
    write_named_process(out, i);
  });
}

message request_parts::node() {
  return message::atom("x@127.0.0.1");
}

const std::vector<request_example>& request_examples() {
  static const std::vector<request_example> all = [] {
    std::vector<request_example> made;
    add_rpc(made);
    add_pg(made);
    add_global(made);
    add_user(made);
    add_others(made);
    return made;
  }();
  return all;
}

std::vector<request_example> examples_of(const taken_request& of) {
  std::vector<request_example> found;
  std::ranges::copy_if(request_examples(), std::back_inserter(found), [&](const request_example& one) {
    return one.service == of.service && one.what == of.row.what;
  });
  return found;
}

message bare_request(node_and_peer& on, const taken_request& of, const request_fields& given) {
  message_writer out;
  if (of.row.most == 0) return message::atom(of.row.what);
  const bool has_asker = of.service == "appmon_info"; // {Pid, What, …}
  out.tuple(static_cast<std::uint32_t>(given.size()) + (has_asker ? 2 : 1));
  if (has_asker) on.write_pid(out, on.peer);
  if (of.row.what == behaviours::answer_to_alias) {
    out.list(1);
    out.atom("alias");
    on.write_pid(out, on.peer);
  } else {
    out.atom(of.row.what);
  }
  for (const message& one : given) out.raw(one.bytes());
  return out.take();
}

message whole_request(node_and_peer& on, const taken_request& of, const request_fields& given) {
  const message bare = bare_request(on, of, given);
  message_writer out(bare.size() + 128);
  if (of.row.form == form::call) {
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    on.write_pid(out, on.peer);
    out.atom("tag");
  } else if (of.row.form == form::cast) {
    out.tuple(2);
    out.atom("$gen_cast");
  } else if (of.service == "rex") {
    out.tuple(2);
    on.write_pid(out, on.peer);
  }
  out.raw(bare.bytes());
  return out.take();
}

} // namespace coppice::test
