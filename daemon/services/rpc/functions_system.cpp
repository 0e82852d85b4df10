// SPDX-License-Identifier: MIT
// The functions of rpc that describe the whole node, for monitoring. In the process's own turn.
#include <algorithm>
#include <atomic>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/process_usage.hpp"
#include "runtime/system.hpp"
#include "services/answers/list_writer.hpp"
#include "services/observer/observer.hpp"
#include "services/rpc/functions.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

message system_info(process& self, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view item;
  if (!at.read_list(length) || !at.read_atom(item)) return {};
  message_writer out;
  if (item == "creation") {
    out.integer(self.host().creation());
  } else if (item == "process_count") {
    out.unsigned_integer(self.host().counters().processes);
  } else if (item == "process_limit") {
    out.unsigned_integer(self.host().options().processes);
  } else if (item == "schedulers" || item == "schedulers_online") {
    out.integer(self.host().workers());
  } else if (item == "otp_release") {
    out.string("25"); // the release whose protocol is spoken
  } else if (item == "wordsize") {
    out.integer(8);
  } else if (item == "dirty_cpu_schedulers" || item == "dirty_io_schedulers") {
    out.integer(0);
  } else if (item == "atom_count" || item == "port_count") {
    out.integer(0); // there are none of either, so no limits
  } else if (item == "machine") {
    out.string("COPPICE");
  } else if (item == "version" || item == "system_version") {
    out.string("coppice " COPPICE_VERSION);
  } else {
    return {};
  }
  return out.take();
}

// memory(Type | [Type]); each type is asked for at most once.
message memory(process& self, etf::bytes arguments) {
  const auto all = observer::memory(self.host());
  const auto of = [&](std::string_view type) -> std::optional<std::uint64_t> {
    for (const auto& [name, bytes] : all)
      if (name == type) return bytes;
    return std::nullopt;
  };
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view type;
  if (!at.read_list(length)) return {};
  if (at.read_atom(type)) {
    const auto bytes = of(type);
    if (!bytes) return {};
    message_writer out;
    out.unsigned_integer(*bytes);
    return out.take();
  }
  list_writer out;
  if (!at.read_list(length) || length > all.size()) return {};
  for (; length > 0; --length) {
    const auto bytes = at.read_atom(type) ? of(type) : std::nullopt;
    if (!bytes) return {};
    out.number(type, *bytes);
  }
  return out.take();
}

// {Total, Since}: since the last call of any caller, as in OTP.
class since_last {
 public:
  void write(etf::writer& out, std::uint64_t total) {
    const std::uint64_t before = last_.exchange(total, std::memory_order_relaxed);
    out.tuple(2);
    out.unsigned_integer(total);
    out.unsigned_integer(total - std::min(before, total));
  }

 private:
  std::atomic<std::uint64_t> last_{0};
};

class statistics {
 public:
  explicit statistics(dist::router& router) : router_(router), began_(base::mono_now()) {}

  message tell(process& self, std::string_view item) {
    message_writer out;
    const auto counters = self.host().counters();
    if (item == "wall_clock") {
      wall_clock_.write(out, in_ms(base::mono_now() - began_));
    } else if (item == "runtime") {
      runtime_.write(out, in_ms(base::processor_time()));
    } else if (item == "io") {
      observer::write_io(self, out, router_);
    } else if (item == "run_queue" || item == "total_run_queue_lengths" ||
               item == "total_run_queue_lengths_all") {
      out.unsigned_integer(observer::run_queue(counters));
    } else if (item == "run_queue_lengths" || item == "run_queue_lengths_all") {
      write_run_queues(out, counters);
    } else if (item == "context_switches") {
      std::uint64_t turns = 0;
      for (const auto& one : counters.workers) turns += one.turns;
      out.tuple(2);
      out.unsigned_integer(turns);
      out.integer(0);
    } else if (item == "garbage_collection") {
      out.tuple(3); // there is none
      for (int i = 0; i < 3; ++i) out.integer(0);
    } else {
      return {};
    }
    return out.take();
  }

 private:
  static std::uint64_t in_ms(base::nanos time) {
    return static_cast<std::uint64_t>(time / base::nanos_per_ms);
  }
  static void write_run_queues(etf::writer& out, const runtime::runtime_counters& counters) {
    list_writer lengths;
    for (const auto& one : counters.workers) lengths.next().unsigned_integer(one.runnable);
    lengths.write(out);
  }

  dist::router& router_;
  const base::nanos began_;
  since_last wall_clock_;
  since_last runtime_;
};

} // namespace

void add_system_functions(function_table& into, dist::router& router) {
  into["erlang:system_info/1"] = system_info;
  into["erlang:memory/1"] = memory;
  into["erlang:memory/0"] = [](process& self, etf::bytes) {
    message_writer out;
    observer::write_memory(out, self.host());
    return out.take();
  };
  into["erlang:statistics/1"] = [told = std::make_shared<statistics>(router)](process& self,
                                                                              etf::bytes arguments) {
    etf::cursor at(arguments);
    std::uint32_t length = 0;
    std::string_view item;
    return at.read_list(length) && at.read_atom(item) ? told->tell(self, item) : message();
  };
}

} // namespace coppice::services
