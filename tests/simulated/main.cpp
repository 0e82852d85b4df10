// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <unistd.h>
#include "base/log.hpp"
#include "base/promise.hpp"
#include "node/instance.hpp"
#include "spec/load.hpp"
#include "machine/machine.hpp"
#include "machine/network.hpp"
#include "machine/processor.hpp"
using namespace coppice::simulated;
using namespace coppice;
int main(int argc, char** argv) {
  take_chance_away(argc, argv);
  settings chosen;
  chosen.seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  chosen.trace = argc > 2;
  std::filesystem::create_directories("/tmp/simx");
  std::filesystem::current_path("/tmp/simx");
  begin(chosen);
  prepare_network();
  base::log::options log;
  log.level = base::log::level::info;
  log.format = base::log::format::text;
  base::log::start(log);
  setenv("COPPICE_PLUGIN_HOST", "/plugin-host", 1);
  std::unique_ptr<node::instance> node;
  {
    const on_host here(1);
    const std::string text = fmt::format(
        "node: {{ name: a@10.0.0.1, cookie: {{ file: cookie }}, data: data, workers: 2, log: {{ level: "
        "info }} }}\n"
        "distribution: {{ listen: [ {{ address: 10.0.0.1, ports: 20000-60000 }} ] }}\n"
        "plugins: {{ path: [ {} ] }}\napplications:\n"
    "  - name: shop\n"
    "    type: permanent\n"
    "    env: {{ greeting: moin }}\n"
    "    supervisor:\n"
    "      name: shop_sup\n"
    "      intensity: 0\n"
    "      children:\n"
    "        - {{ id: kv, actor: kv, name: kv, args: {{ max_entries: 10 }} }}\n",
        PLUGIN_FOLDER);
    spec::outcome loaded = spec::load_text(text, "unit.yaml", "/tmp/simx");
    if (!loaded.spec) give_up(spec::render(loaded.diagnostics));
    auto started = node::instance::start(std::move(*loaded.spec), [] {});
    if (!started) give_up(started.error().text);
    node = std::move(*started);
  }
  const auto told = std::make_shared<base::promise<bool>>();
  auto ready = told->result();
  node->when_ready([told](const base::status& s) { told->give(s.has_value()); });
  fmt::print("ready {}\n", ready.take_within(std::chrono::seconds(10)).value_or(false));
  fmt::print("now {} hash {:016x} steps {}\n", now(), trace_hash(), steps());
  fflush(stdout);
  let_pass(100*second);
  fmt::print("now {} hash {:016x} steps {}\n", now(), trace_hash(), steps());
  fflush(stdout);
  node->stop();
  fmt::print("now {} hash {:016x} steps {}\n", now(), trace_hash(), steps());
  fflush(stdout);
  _exit(0);
}
