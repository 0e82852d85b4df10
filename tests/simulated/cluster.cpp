// SPDX-License-Identifier: MIT
// See cluster.hpp.
// rooms: control
#include "cluster.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <filesystem>
#include <fstream>

#include "base/clock.hpp"
#include "base/log_ring.hpp"
#include "base/promise.hpp"
#include "control/commands.hpp"
#include "machine/descriptors.hpp"
#include "machine/files.hpp"
#include "machine/story.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/certificate_folder.hpp"
#include "node/environment/notify.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/system.hpp"
#include "spec/load.hpp"
#include "workloads/ledger.hpp"

namespace coppice::simulated {
namespace {

constexpr std::string_view cookie = "a cookie that all hosts of the cluster have";

void make_disk(unsigned host, const std::string& folder) {
  std::filesystem::create_directories(folder);
  const std::string cookie_file = folder + "/cookie";
  std::ofstream(cookie_file) << cookie;
  std::filesystem::permissions(cookie_file, std::filesystem::perms::owner_read);
  mount_disk(host, folder);
}

// The value of a map as text, if it is a word or a number. Empty: something else.
std::string plain(etf::cursor& at) {
  std::string_view word;
  etf::bytes text;
  std::uint64_t number = 0;
  etf::cursor tried = at;
  std::string out;
  if (tried.read_atom(word))
    out = word;
  else if (tried = at; tried.read_unsigned(number))
    out = std::to_string(number);
  else if (tried = at; tried.read_binary(text))
    out.assign(reinterpret_cast<const char*>(text.data()), text.size());
  at.skip();
  return out;
}

} // namespace

struct cluster::console {
  base::log::log_ring lines{64 << 10};
  node::service_manager manager;
  std::unique_ptr<control::server> server;
};

cluster::~cluster() = default;

cluster::cluster(unsigned hosts, std::string folder, bool meet, children_of children)
    : hosts_(hosts), folder_(std::move(folder)), meet_(meet), children_(std::move(children)) {
  const bool by_name = one_in(2);
  for (unsigned one = 1; one <= hosts_; ++one) {
    names_[one] = fmt::format("n@{}{}", by_name ? "h" : "10.0.0.", one);
    host_at(one).wall_ahead = draw_between(-second, second);
  }
  encryption_ = choose_encryption();
  const auto first = static_cast<unsigned>(draw_below(hosts_));
  for (unsigned one = 0; one < hosts_; ++one) start(1 + (first + one) % hosts_);
}

// TLS in a tenth of the runs: with certificates of one authority, which each end verifies, or with those that
// each node makes by itself. Certificates of the authority are valid for a day of the simulated wall clock.
std::string cluster::choose_encryption() const {
  if (!one_in(10)) return "off";
  if (one_in(3)) return "on";
  const std::string folder = folder_ + "/tls";
  const base::nanos wall = base::wall_now();
  const auto made = net::make_cluster_authority(folder, wall, 2 * net::one_day, net::if_exists::refuse);
  if (!made) give_up("no authority: " + made.error().text);
  for (unsigned one = 1; one <= hosts_; ++one) {
    const std::string& name = names_[one];
    const auto issued =
        net::issue_cluster_certificate(folder, fmt::format("h{}", one), {name.substr(name.find('@') + 1)},
                                       wall, net::one_day, net::if_exists::refuse);
    if (!issued) give_up("no certificate: " + issued.error().text);
  }
  return fmt::format("{{ certificate: {0}/h%N.pem, key: {0}/h%N-key.pem, ca: {0}/ca.pem, verify: peer }}",
                     folder);
}

void cluster::check_encryption() const {
  const std::string_view wanted = encryption_ == "off" ? "" : "1.3";
  for (unsigned host = 1; host <= hosts_; ++host) {
    if (at(host) == nullptr) continue;
    const on_host here(host);
    for (const auto& peer : at(host)->snapshots().peers()) {
      if (peer.state != "connected") continue;
      if (peer.tls != wanted)
        the_ledger().broken(fmt::format("nodes speak TLS if they are told to: {} and {} speak \"{}\"",
                                        names_[host], peer.name, peer.tls));
      if (!wanted.empty()) the_ledger().peer_encrypted();
    }
  }
}

void cluster::start(unsigned host) {
  note("start", host);
  tell_fault("host {} starts", host);
  const on_host here(host);
  const std::string own = folder_of(host);
  if (disk_of(host).path.empty()) make_disk(host, own);
  node::configuration_source from;
  from.files = {write_configuration(host, children_(*this, host))};
  spec::outcome loaded = spec::load(from.files);
  if (!loaded.spec) give_up(spec::render(loaded.diagnostics));
  from.texts = std::move(loaded.texts);
  const auto comes_down = [host, life = host_at(host).lives] {
    if (host_at(host).lives == life) give_up(fmt::format("the node of host {} came down by itself", host));
  };
  auto started = node::instance::start(std::move(*loaded.spec), comes_down, std::move(from));
  if (!started) give_up(fmt::format("host {}: {}", host, started.error().text));
  nodes_[host] = std::move(*started);
  consoles_[host] = std::make_unique<console>();
  auto served = control::serve(*nodes_[host], consoles_[host]->lines, consoles_[host]->manager);
  if (!served) give_up(fmt::format("host {}: {}", host, served.error().text));
  consoles_[host]->server = std::move(*served);
}

void cluster::await_ready(unsigned host) {
  const auto told = std::make_shared<base::promise<bool>>();
  auto ready = told->result();
  at(host)->when_ready([told](const base::status& outcome) { told->give(outcome.has_value()); });
  if (!ready.take_within(std::chrono::seconds(30)).value_or(false))
    give_up(fmt::format("invariant: a node becomes ready: host {} did not", host));
  tell_fault("the node of host {} is ready", host);
}

std::string cluster::configuration(unsigned host, const std::string& lines) const {
  std::string peers;
  for (unsigned one = 1; meet_ && one <= hosts_; ++one)
    if (one != host) peers += fmt::format("{}{}", peers.empty() ? "" : ", ", names_[one]);
  std::string encryption = encryption_;
  for (std::size_t at = encryption.find("%N"); at != std::string::npos; at = encryption.find("%N"))
    encryption.replace(at, 2, std::to_string(host));
  return fmt::format(
      "node: {{ name: {}, cookie: {{ file: h{}/cookie }}, data: h{}/data, workers: 2, log: {{ level: warning "
      "}} }}\n"
      "control: {{ socket: {} }}\n"
      "distribution: {{ listen: [ {{ address: 10.0.0.{}, ports: 20000-20100, tls: {} }} ], ticktime: 8s, "
      "peers: [ {} ], allow: {{ spawn: [ 'kv:kv' ] }} }}\n"
      "plugins: {{ path: [ {} ], reload_deadline: 300ms }}\n"
      "applications:\n"
      "  - name: shop\n"
      "    type: permanent\n"
      "    supervisor:\n"
      "      name: shop_sup\n"
      "      intensity: 1000\n"
      "      children:\n"
      "        - {{ id: kv, actor: kv, name: kv, args: {{ max_entries: 10 }} }}\n"
      "{}",
      names_[host], host, host, control_path(host), host, encryption, peers, PLUGIN_FOLDER, lines);
}

// Outside of the hosts' folders, so that no loss of power changes it.
std::string cluster::write_configuration(unsigned host, const std::string& lines) {
  const std::string file = fmt::format("{}/h{}-{}.yaml", folder_, host, ++configurations_);
  std::ofstream(file) << configuration(host, lines);
  return file;
}

std::string cluster::control_path(unsigned host) const {
  return fmt::format("{}/control-{}", folder_, host);
}

std::string cluster::folder_of(unsigned host) const {
  return fmt::format("{}/h{}", folder_, host);
}

void cluster::kill(unsigned host, loss what) {
  while (!freeze(host)) let_pass(draw_between(1, 20 * microsecond));
  note("kill", host, static_cast<std::uint64_t>(what));
  tell_fault("host {} {}", host, what == loss::power ? "loses its power" : "is killed, and keeps its files");
  close_all_of(host);
  close_files_of(host);
  if (what == loss::power) lose_unsynced(host);
  disk_of(host).syncing = 0; // the threads that waited for these syncs have ended
  heal_disk(host);
  ++host_at(host).lives;
  // The memory of the dead node is never freed, because its threads may still refer to it.
  static_cast<void>(nodes_[host].release());
  static_cast<void>(consoles_[host].release());
}

void cluster::stop(unsigned host) {
  if (nodes_[host] == nullptr) return;
  note("stop", host);
  tell_fault("the node of host {} is asked to stop", host);
  const on_host here(host);
  ++host_at(host).lives;
  if (!nodes_[host]->stop())
    give_up(fmt::format("the node of host {} stops, and a thread does not come back", host));
  nodes_[host]->on_change(nullptr);
  consoles_[host].reset();
  nodes_[host].reset();
  if (const std::size_t left = open_descriptors(host); left > 0)
    the_ledger().broken(
        fmt::format("a node that has stopped has no descriptor open: host {} has {}", host, left));
}

void cluster::check_lingering() const {
  for (unsigned host = 1; host <= hosts_; ++host) {
    if (at(host) == nullptr) continue;
    const on_host here(host);
    if (const auto now = at(host)->runtime().counters(); now.lingering > 0 || now.abandoned_stacks > 0)
      the_ledger().broken(
          fmt::format("a process that was killed ends: on host {} {} still run, {} were given up", host,
                      now.lingering, now.abandoned_stacks));
  }
}

std::string cluster::ask(unsigned from, std::string_view target, std::string_view request, nanos timeout) {
  const on_host here(from);
  node::instance& node = *nodes_[from];
  const auto to = node.snapshots().resolve(target);
  if (!to) return to.error().text;
  const auto term = node.snapshots().parse(request);
  if (!term) return term.error().text;
  const auto told = std::make_shared<base::promise<std::string>>();
  auto answer = told->result();
  node.requests().call(*to, *term, timeout, [told](const behaviours::gen::call_result& result) {
    told->give(result ? etf::print(result->bytes())
                      : fmt::format("error {}", static_cast<int>(result.error().what)));
  });
  return answer.take_within(std::chrono::nanoseconds(timeout + 5 * second)).value_or("never told");
}

std::map<std::string, std::string> cluster::report(unsigned host, std::string_view name) {
  if (at(host) == nullptr) return {};
  const on_host here(host);
  const auto found = at(host)->snapshots().info(name);
  if (!found) return {};
  const auto told = std::make_shared<base::promise<std::map<std::string, std::string>>>();
  auto answer = told->result();
  at(host)->requests().engine_of(found->summary.pid, {}, 2 * second,
                                 [told](const base::result<runtime::message>& result) {
                                   std::map<std::string, std::string> fields;
                                   etf::cursor in(result ? result->bytes() : etf::bytes());
                                   std::uint32_t pairs = 0;
                                   std::string_view key;
                                   if (result && in.read_map(pairs))
                                     for (; pairs > 0 && in.read_atom(key); --pairs)
                                       fields[std::string(key)] = plain(in);
                                   told->give(std::move(fields));
                                 });
  return answer.take_within(std::chrono::seconds(5)).value_or(std::map<std::string, std::string>());
}

} // namespace coppice::simulated
