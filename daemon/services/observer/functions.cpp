// SPDX-License-Identifier: MIT
// The functions of rpc for OTP's tools. Values without a counterpart in this node are such that the tools
// show nothing. In the process's own turn.
#include <unistd.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/process_usage.hpp"
#include "services/answers/list_writer.hpp"
#include "services/answers/portions.hpp"
#include "services/observer/appmon_info.hpp"
#include "services/observer/observer.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::uint64_t word = 8;

message empty_list() {
  return list_writer().take();
}

// erlang:system_info({allocator_sizes, _}): all resident memory, and the part of it in messages. Never 0,
// since observer divides by it.
void write_allocators(etf::writer& out, const runtime::system& host) {
  const std::uint64_t messages = host.counters().message_memory;
  const std::uint64_t resident = std::max(base::resident_bytes(), messages);
  const auto sizes = [&out](std::string_view name, std::uint64_t bytes) {
    out.tuple(4);
    out.atom(name);
    for (int i = 0; i < 3; ++i) out.unsigned_integer(bytes); // the present value, and two maxima
  };
  const auto list_of = [&out](std::string_view name) {
    out.list(1);
    out.tuple(2);
    out.atom(name);
  };
  list_of("messages");
  out.list(1);
  out.tuple(3);
  out.atom("instance");
  out.integer(0);
  list_of("mbcs");
  out.list(2);
  out.tuple(2);
  out.atom("blocks");
  list_of("messages");
  out.list(1);
  sizes("size", messages);
  out.nil();
  out.nil();
  sizes("carriers_size", std::max<std::uint64_t>(resident, 1));
  out.nil();
  out.nil();
  out.nil();
  out.nil();
}

message system_facts(process& self, const dist::router& router, base::nanos began) {
  const auto& host = self.host();
  const auto counters = host.counters();
  const auto io = observer::bytes_of_all(self, router);
  list_writer out;
  out.number("uptime", static_cast<std::uint64_t>((base::mono_now() - began) / base::nanos_per_ms));
  out.number("run_queue", observer::run_queue(counters));
  out.number("io_input", io.in);
  out.number("io_output", io.out);
  const auto processors = static_cast<std::uint64_t>(std::max<long>(1, sysconf(_SC_NPROCESSORS_ONLN)));
  for (const auto* key : {"logical_processors", "logical_processors_online", "logical_processors_available"})
    out.number(key, processors);
  for (const auto* key : {"schedulers", "schedulers_online", "schedulers_available"})
    out.number(key, host.workers());
  out.pair("otp_release").string("25"); // the release whose protocol is spoken
  out.pair("version").string("coppice " COPPICE_VERSION);
  out.pair("system_architecture").string("coppice");
  for (const auto* key : {"kernel_poll", "smp_support", "threads"}) out.atom(key, "true");
  out.number("thread_pool_size", host.options().blocking_threads);
  out.number("wordsize_internal", word);
  out.number("wordsize_external", word);
  write_allocators(out.pair("alloc_info"), host);
  out.number("process_count", counters.processes);
  out.number("process_limit", host.options().processes);
  // Without their limits: observer divides by limits that it is given.
  for (const auto* key : {"atom_count", "port_count", "ets_count"}) out.number(key, 0);
  out.number("dist_buf_busy_limit", router.settings().busy_limit);
  for (const auto& [type, bytes] : observer::memory(host)) out.number(type, bytes);
  return out.take();
}

void write_pids(etf::writer& out, const std::vector<runtime::pid>& all, const runtime::node_names& names,
                portions& work) {
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const auto& one : all) {
    work.add();
    runtime::write(out, one, names);
  }
  out.nil();
}

void write_monitors(etf::writer& out, const std::vector<runtime::destination>& all,
                    const runtime::node_names& names, portions& work) {
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const auto& one : all) {
    work.add();
    out.tuple(2);
    out.atom("process");
    if (one.what() == runtime::destination::kind::process) {
      runtime::write(out, one.process(), names);
      continue;
    }
    out.tuple(2);
    out.atom(one.name());
    out.atom(names.name(one.node()));
  }
  out.nil();
}

std::string_view status_of(runtime::process_status status) {
  using runtime::process_status;
  if (status == process_status::running) return "running";
  if (status == process_status::exiting) return "exiting";
  return status == process_status::waiting || status == process_status::parked ? "waiting" : "runnable";
}

// The value of an item of process_info/2. False: there is no such item. `work`: some items are as long as the
// process has links and monitors.
bool write_item(etf::writer& out, std::string_view item, const runtime::process_info& info,
                const runtime::node_names& names, portions& work) {
  const auto& is = info.summary;
  const auto is_one_of = [item](auto... all) { return ((item == all) || ...); };
  if (item == "registered_name") {
    is.name.empty() ? out.nil() : out.atom(is.name);
  } else if (item == "status") {
    out.atom(status_of(is.status));
  } else if (item == "message_queue_len") {
    out.unsigned_integer(is.messages);
  } else if (item == "reductions") {
    out.unsigned_integer(is.reductions);
  } else if (item == "memory") {
    out.unsigned_integer(is.memory);
  } else if (is_one_of("heap_size", "total_heap_size")) {
    out.unsigned_integer(is.memory / word);
  } else if (is_one_of("stack_size", "catchlevel", "trace")) {
    out.integer(0);
  } else if (is_one_of("initial_call", "current_function")) {
    observer::write_initial_call(out, is.is);
  } else if (item == "links") {
    write_pids(out, info.links, names, work);
  } else if (item == "monitored_by") {
    write_pids(out, info.monitored_by, names, work);
  } else if (item == "monitors") {
    write_monitors(out, info.monitors, names, work);
  } else if (item == "group_leader") {
    runtime::write(out, info.group_leader, names);
  } else if (item == "priority") {
    out.atom(to_string(info.priority));
  } else if (item == "trap_exit") {
    out.boolean(info.trap_exit);
  } else if (item == "error_handler") {
    out.atom("error_handler");
  } else if (item == "last_calls") {
    out.atom("false");
  } else if (item == "garbage_collection") {
    list_writer pairs;
    pairs.number("minor_gcs", 0);
    pairs.write(out);
  } else if (is_one_of("binary", "suspending", "sequential_trace_token", "messages", "dictionary",
                       "current_stacktrace")) {
    out.nil();
  } else {
    return false;
  }
  return true;
}

constexpr std::string_view usual_items[] = {
    "current_function", "initial_call", "status",        "message_queue_len", "links",
    "dictionary",       "trap_exit",    "error_handler", "priority",          "group_leader",
    "total_heap_size",  "heap_size",    "stack_size",    "reductions",        "garbage_collection",
    "suspending"};

// process_info(Pid[, Item | Items])
message process_info(process& self, etf::bytes arguments, bool asked) {
  auto& names = self.host().nodes();
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  if (!at.read_list(length)) return {};
  const auto pid = runtime::read_pid(at, names);
  if (!pid || !pid->here()) return {};
  const auto info = self.host().info(*pid);
  if (!info) return message::atom("undefined");
  list_writer out;
  portions work(self);
  std::string_view item;
  if (!asked) {
    if (!info->summary.name.empty())
      write_item(out.pair("registered_name"), "registered_name", *info, names, work);
    for (const auto each : usual_items) write_item(out.pair(each), each, *info, names, work);
    return out.take();
  }
  if (at.read_atom(item)) {
    if (item == "registered_name" && info->summary.name.empty()) return empty_list();
    message_writer one;
    one.tuple(2);
    one.atom(item);
    return write_item(one, item, *info, names, work) ? one.take() : message{};
  }
  // Each item only once: some are as long as a process has links and monitors.
  std::uint32_t items = 0;
  std::set<std::string_view> asked_for;
  if (!at.read_list(items)) return {};
  for (std::uint32_t i = 0; i < items; ++i) {
    const bool fresh = at.read_atom(item) && asked_for.insert(item).second;
    if (!fresh || !write_item(out.pair(item), item, *info, names, work)) return {};
  }
  return out.take();
}

message exported(etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view module;
  std::string_view function;
  if (!at.read_list(length) || !at.read_atom(module) || !at.read_atom(function)) return {};
  constexpr std::string_view known[] = {"sys_info",   "procs_info",  "get_port_list", "get_socket_list",
                                        "vsn",        "fetch_stats", "etop_collect",  "get_table_list",
                                        "socket_info"};
  bool found = false;
  for (const auto each : known) found = found || (module == "observer_backend" && function == each);
  message_writer out;
  out.boolean(found);
  return out.take();
}

message version() {
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  out.string("1.19"); // version of OTP 25's runtime_tools, which has these functions
  return out.take();
}

message first_call() {
  message_writer out;
  out.tuple(3); // for a process whose state a tool should not ask for
  out.atom("proc_lib");
  out.atom("init_p");
  out.integer(5);
  return out.take();
}

message socket_facts() {
  list_writer out;
  out.number("iov_max", 1024);
  out.number("num_monitors", 0);
  return out.take();
}

} // namespace

std::array<std::pair<std::string_view, std::uint64_t>, 9> observer::memory(const runtime::system& host) {
  const std::uint64_t messages = host.counters().message_memory;
  const std::uint64_t total = std::max(base::resident_bytes(), messages);
  return {{{"total", total},
           {"processes", messages},
           {"processes_used", messages},
           {"system", total - messages},
           {"atom", 0},
           {"atom_used", 0},
           {"binary", messages},
           {"code", 0},
           {"ets", 0}}};
}

void observer::write_io(process& self, etf::writer& out, const dist::router& router) {
  const auto io = bytes_of_all(self, router);
  out.tuple(2);
  for (const auto& [name, bytes] : {std::pair("input", io.in), std::pair("output", io.out)}) {
    out.tuple(2);
    out.atom(name);
    out.unsigned_integer(bytes);
  }
}

void observer::write_memory(etf::writer& out, const runtime::system& host) {
  list_writer pairs;
  for (const auto& [type, bytes] : memory(host)) pairs.number(type, bytes);
  pairs.write(out);
}

void observer::write_initial_call(etf::writer& out, const runtime::description& of) {
  out.tuple(3);
  out.atom(of.plugin.empty() ? "coppice" : of.plugin);
  out.atom(of.actor.empty() ? of.behaviour : of.actor);
  out.integer(1);
}

std::uint64_t observer::run_queue(const runtime::runtime_counters& of) {
  std::uint64_t runnable = 0;
  for (const auto& one : of.workers) runnable += one.runnable;
  return runnable;
}

void observer::for_each_peer(process& self, const dist::router& router,
                             const std::function<void(const dist::peer_info&)>& use) {
  constexpr std::size_t peers_at_once = 512; // each has its own lock and texts
  std::vector<dist::peer_info> some;
  for (std::size_t next = 0;;) {
    next = router.some_peers(next, peers_at_once, some);
    for (const auto& one : some) use(one);
    if (next == 0) return;
    some.clear();
    self.yield();
  }
}

observer::traffic observer::bytes_of_all(process& self, const dist::router& router) {
  traffic sum;
  for_each_peer(self, router, [&](const dist::peer_info& one) {
    sum.in += one.bytes_in;
    sum.out += one.bytes_out;
  });
  return sum;
}

void add_observer_functions(function_table& into, dist::router& router) {
  const auto began = base::mono_now();
  into["observer_backend:sys_info/0"] = [&router, began](process& self, etf::bytes) {
    return system_facts(self, router, began);
  };
  into["observer_backend:vsn/0"] = [](process&, etf::bytes) { return version(); };
  into["observer_backend:socket_info/0"] = [](process&, etf::bytes) { return socket_facts(); };
  for (const auto* none : {"observer_backend:get_port_list/0", "observer_backend:get_socket_list/0",
                           "observer_backend:get_table_list/2", "code:all_loaded/0"})
    into[none] = [](process&, etf::bytes) { return empty_list(); };
  into["erlang:function_exported/3"] = [](process&, etf::bytes given) { return exported(given); };
  into["erlang:garbage_collect/1"] = [](process&, etf::bytes) { return message::atom("true"); };
  into["proc_lib:translate_initial_call/1"] = [](process&, etf::bytes) { return first_call(); };
  into["appmon_info:start_link2/3"] = appmon_info::starter();
  into["erlang:process_info/1"] = [](process& self, etf::bytes given) {
    return process_info(self, given, false);
  };
  into["erlang:process_info/2"] = [](process& self, etf::bytes given) {
    return process_info(self, given, true);
  };
}

} // namespace coppice::services
