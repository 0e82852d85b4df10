// SPDX-License-Identifier: MIT
// See cluster.hpp.
// rooms: node
#include "cluster.hpp"

#include <fmt/format.h>

#include <coppice/etf/text.hpp>
#include <filesystem>
#include <fstream>

#include "base/promise.hpp"
#include "machine/descriptors.hpp"
#include "machine/files.hpp"
#include "spec/load.hpp"

namespace coppice::simulated {
namespace {

constexpr std::string_view cookie = "a cookie that all hosts of the cluster have";

std::string configuration_of(unsigned host, const std::string& name) {
  return fmt::format(
      "node: {{ name: {}, cookie: {{ file: cookie }}, data: data, workers: 2, log: {{ level: warning }} }}\n"
      "distribution: {{ listen: [ {{ address: 10.0.0.{}, ports: 20000-20100 }} ], ticktime: 8s }}\n"
      "plugins: {{ path: [ {} ] }}\n"
      "applications:\n"
      "  - name: shop\n"
      "    type: permanent\n"
      "    supervisor:\n"
      "      name: shop_sup\n"
      "      intensity: 1000\n"
      "      children:\n"
      "        - {{ id: kv, actor: kv, name: kv, args: {{ max_entries: 10 }} }}\n",
      name, host, PLUGIN_FOLDER);
}

} // namespace

cluster::cluster(unsigned hosts, std::string folder) : hosts_(hosts), folder_(std::move(folder)) {
  const bool by_name = one_in(2);
  for (unsigned one = 1; one <= hosts_; ++one) {
    names_[one] = fmt::format("n@{}{}", by_name ? "h" : "10.0.0.", one);
    host_at(one).wall_ahead = draw_between(-second, second);
  }
  const auto first = static_cast<unsigned>(draw_below(hosts_));
  for (unsigned one = 0; one < hosts_; ++one) start(1 + (first + one) % hosts_);
}

void cluster::start(unsigned host) {
  note("start", host);
  const on_host here(host);
  const std::string own = fmt::format("{}/h{}", folder_, host);
  std::filesystem::create_directories(own);
  const std::string cookie_file = own + "/cookie";
  if (!std::filesystem::exists(cookie_file)) {
    std::ofstream(cookie_file) << cookie;
    std::filesystem::permissions(cookie_file, std::filesystem::perms::owner_read);
  }
  spec::outcome loaded = spec::load_text(configuration_of(host, names_[host]), "node.yaml", own);
  if (!loaded.spec) give_up(spec::render(loaded.diagnostics));
  auto started = node::instance::start(std::move(*loaded.spec), [host, life = host_at(host).lives] {
    if (host_at(host).lives == life) give_up(fmt::format("the node of host {} came down by itself", host));
  });
  if (!started) give_up(fmt::format("host {}: {}", host, started.error().text));
  nodes_[host] = std::move(*started);
}

void cluster::kill(unsigned host) {
  while (!freeze(host)) let_pass(draw_between(1, 20 * microsecond));
  note("kill", host);
  close_all_of(host);
  close_files_of(host);
  ++host_at(host).lives;
  // Its memory is the dead node's for good: nothing may touch it any more.
  static_cast<void>(nodes_[host].release());
}

void cluster::stop(unsigned host) {
  if (nodes_[host] == nullptr) return;
  note("stop", host);
  const on_host here(host);
  ++host_at(host).lives;
  if (!nodes_[host]->stop())
    give_up(fmt::format("the node of host {} stops, and a thread does not come back", host));
  nodes_[host].reset();
}

std::string cluster::ask(unsigned from, std::string_view target, std::string_view request, nanos timeout) {
  const on_host here(from);
  node::instance& node = *nodes_[from];
  const auto to = node.resolve(target);
  if (!to) return to.error().text;
  const auto term = node.parse(request);
  if (!term) return term.error().text;
  const auto told = std::make_shared<base::promise<std::string>>();
  auto answer = told->result();
  node.call(*to, *term, timeout, [told](const behaviours::gen::call_result& result) {
    told->give(result ? etf::print(result->bytes())
                      : fmt::format("error {}", static_cast<int>(result.error().what)));
  });
  return answer.take_within(std::chrono::nanoseconds(timeout + 5 * second)).value_or("never told");
}

} // namespace coppice::simulated
