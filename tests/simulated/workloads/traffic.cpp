// SPDX-License-Identifier: MIT
// The workloads of plain actors: clients on each host call, cast, link and monitor over all hosts.
// Invariants: at the end every node answers every other one, and every end that a client waits for was
// reported.
// rooms: node
#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "actors.hpp"
#include "ledger.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

class traffic final : public workload {
 public:
  explicit traffic(const mixture& does) : does_(does), hosts_(draw_hosts(2, 3)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned) const override { return {}; }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host, any_bounds());
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count)
      clients_[host].push_back(add_client(all, host, does_));
  }
  void lost(unsigned host) override {
    for (const std::uint64_t one : std::exchange(clients_[host], {})) the_ledger().forget(one);
  }
  void check(cluster& all) override {
    for (unsigned from = 1; from <= all.hosts(); ++from)
      for (unsigned to = 1; to <= all.hosts(); ++to) {
        const std::string told = all.ask(from, "kv@" + all.name(to), "size", 10 * second);
        if (told != "0")
          the_ledger().broken(fmt::format("after the faults every node answers: {} asked {} and got {}",
                                          all.name(from), all.name(to), told));
      }
    the_ledger().check_all_told();
  }

 private:
  static runtime::mailbox_bounds any_bounds() {
    using runtime::on_full;
    constexpr std::array policies{on_full::park_sender, on_full::park_sender, on_full::drop_new,
                                  on_full::drop_old};
    runtime::mailbox_bounds out;
    if (one_in(2)) out.messages = 1 + static_cast<std::uint32_t>(draw_below(10));
    out.policy = policies[draw_below(policies.size())];
    return out;
  }

  mixture does_;
  unsigned hosts_;
  std::array<std::vector<std::uint64_t>, most_hosts> clients_;
};

} // namespace

std::unique_ptr<workload> make_traffic(std::string_view name) {
  const bool all = name == "mixed";
  return std::make_unique<traffic>(
      mixture{all || name == "calls", all || name == "casts", all || name == "watches"});
}

} // namespace coppice::simulated
