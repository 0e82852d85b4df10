// SPDX-License-Identifier: MIT
// coppiced: reads the configuration, runs one node in the foreground, and ends with it. The main thread runs
// a loop that waits for signals and for the node's request to end; the node does everything else. Exit
// status: see api/exit_code.hpp. `done` is an orderly stop; `failed` also covers the end of an application
// that ends the node.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/exit_code.hpp"
#include "base/border.hpp"
#include "base/descriptors.hpp"
#include "base/heap_account.hpp"
#include "base/log_ring.hpp"
#include "base/log_settings.hpp"
#include "base/thread.hpp"
#include "base/uv.hpp"
#include "control/commands.hpp"
#include "control/http.hpp"
#include "net/listening/passed_sockets.hpp"
#include "net/listening/socket_store.hpp"
#include "net/stream/resolver.hpp"
#include "node/assembly/assemble.hpp"
#include "node/environment/notify.hpp"
#include "node/environment/restart_record.hpp"
#include "node/instance/banner.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/operations.hpp"
#include "spec/load.hpp"
#include "spec/passed_names.hpp"
#include "spec/schema/default_files.hpp"

namespace {

using namespace coppice;

using api::exit_code;

struct command_line {
  std::vector<std::string> files;
  bool check = false;
  std::string name;
  std::vector<std::string> set;
};

exit_code complain(const std::string& what) {
  // fmt::print() would throw if standard error cannot be written.
  std::fputs(fmt::format("coppiced: {}\n", what).c_str(), stderr);
  return exit_code::failed;
}

// False: it has not the form `path=value`.
bool read_override(const std::string& text, spec::override_value& out) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  out = {text.substr(0, equals), text.substr(equals + 1)};
  return true;
}

// If the allocator gave memory back after each large message, it would be faulted in page by page for the
// next one, which costs several times more than handling that message. So a node keeps the memory it has
// needed.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, base::heap::mapped_from);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

// The command by which a user of this shell calls the client that belongs to this program.
std::string client_program(const std::string& own) {
  const std::size_t slash = own.rfind('/');
  if (slash == std::string::npos) return "coppice";
  const std::string beside = own.substr(0, slash + 1) + "coppice";
  return access(beside.c_str(), X_OK) == 0 ? beside : "coppice";
}

// Waits for the request to end, from a signal or from the node itself.
class main_loop {
 public:
  base::status listen() {
    auto made = base::uv::loop::make();
    if (!made) return unexpected(made.error());
    loop_.emplace(std::move(*made));
    auto wake = base::uv::async::make(*loop_, [this] { loop_->stop(); });
    if (!wake) return unexpected(wake.error());
    wake_ = std::move(*wake);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
      auto handle = base::uv::signal::make(*loop_, number, [this](int which) { heard(which); });
      if (!handle) return unexpected(handle.error());
      signals_.push_back(std::move(*handle));
    }
    return {};
  }
  // Sets what SIGHUP does: `does` is called on this loop's thread, and must not wait.
  void on_hang_up(std::function<void()> does) { hang_up_ = std::move(does); }
  // Any thread.
  void wake() { wake_.send(); }
  void wait() { loop_->run(); }
  // Waits for this time. False: a signal has asked the process to end.
  bool wait_for(base::nanos time) {
    bool over = false;
    base::uv::timer timer(*loop_, [&] {
      over = true;
      loop_->stop();
    });
    timer.start(std::chrono::milliseconds(time / base::nanos_per_ms));
    loop_->run();
    return over;
  }
  // Runs `stop` on another thread while this loop waits for signals; `again` is called for each.
  void wait_while(const std::function<void()>& stop, std::function<void()> again) {
    again_ = std::move(again);
    std::atomic<bool> ended{false};
    auto stopping = base::start_thread([&] {
      base::contained("the end of the node", stop);
      ended = true;
      wake();
    });
    if (!stopping) {
      base::contained("the end of the node", stop);
      return;
    }
    // The node may ask to end while it is being stopped, which wakes the loop too. Signals count to the end.
    while (!ended) loop_->run();
    stopping->join();
  }

 private:
  void heard(int number) {
    if (number == SIGUSR1) return base::log::look_at_files();
    if (number == SIGHUP) return hang_up_ ? hang_up_() : void();
    if (again_) return again_();
    base::log::info("node", "{}: stopping; a second one shortens it",
                    number == SIGTERM ? "SIGTERM" : "SIGINT");
    loop_->stop();
  }

  std::optional<base::uv::loop> loop_;
  base::uv::async wake_;
  std::vector<base::uv::signal> signals_;
  std::function<void()> again_;
  std::function<void()> hang_up_;
};

// The action of SIGHUP; the log reports it. Opens the log files anew, applies the configuration as it is now,
// then reloads the plugins whose files have changed. Each of the two is one transaction, and the reload
// follows also if the apply failed.
void refresh(node::instance& running) {
  base::log::look_at_files();
  constexpr std::string_view by = "SIGHUP";
  node::apply_request wanted;
  wanted.by = by;
  wanted.kind = "apply SIGHUP";
  running.operations().apply(std::move(wanted), [&running, by](const node::apply_outcome& outcome) {
    // An apply that waits already reads the files when its turn comes, and a reload follows it.
    if (!outcome.result && outcome.result.error().code == base::errc::exists) return;
    node::report(outcome, by);
    running.operations().reload({.by = std::string(by), .kind = "reload SIGHUP"},
                                [](const base::result<node::reload_report>&) {});
  });
}

// The sockets passed to this process, and those that the service manager keeps for the next one.
net::socket_store sockets_of(const node::service_manager& manager) {
  auto passed = net::passed_sockets();
  if (!passed && passed.error().code != base::errc::unsupported)
    base::log::warning("node", "no socket is taken over: {}", passed.error().text);
  // Sockets that could not be taken over are not given away.
  if (!passed || !manager.keeps()) return {std::move(passed).value_or(std::vector<net::passed_socket>()), {}};
  // Several messages follow each other at once, and the service manager's queue may be short.
  const auto tell = [&manager](std::string_view lines, int descriptor) {
    for (int tries = 1; !manager.tell(lines, descriptor); ++tries) {
      if (tries == 20) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  };
  return {std::move(*passed), tell};
}

// Makes a node wait that has failed again and again. False: the process has to end.
bool wait_to_start(main_loop& process, const node::earlier_lives& lives,
                   const node::service_manager& manager) {
  if (lives.in_a_row == 0) return true;
  const base::nanos wait = node::wait_before(lives.in_a_row);
  const std::string said =
      fmt::format("started again after a failure, restart {}, {} in a row", lives.restarts, lives.in_a_row);
  const double seconds = static_cast<double>(wait) / base::nanos_per_second;
  if (wait == 0) {
    base::log::warning("node", "{}", said);
    return true;
  }
  base::log::warning("node", "{}: waiting {} s before the start", said, seconds);
  manager.tell(fmt::format("STATUS=waiting {} s before the start, after {} failures in a row", seconds,
                           lives.in_a_row));
  return process.wait_for(wait);
}

exit_code run(spec::node_spec spec, node::configuration_source source, const std::string& program) {
  base::log::options logging;
  const base::log::settings settings = node::log_settings(spec);
  logging.level = settings.level;
  logging.format = spec.node.log.format;
  base::log::log_ring lines; // from the first line on, for `coppice logs`
  base::log::start(logging);
  if (auto used = base::log::use(settings); !used)
    base::log::warning("node", "node.log: {}", used.error().text);
  // A client that has gone, and a limit on the size of files, make one write fail, and must not end the node.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);

  const node::service_manager manager;
  net::socket_store sockets = sockets_of(manager);
  main_loop process;
  if (auto listening = process.listen(); !listening) return complain(listening.error().text);
  node::restart_record record(spec);
  const node::earlier_lives lives = record.begin(base::mono_now());
  if (!wait_to_start(process, lives, manager)) {
    record.end();
    base::log::stop();
    return exit_code::done;
  }
  auto node = node::instance::start(
      std::move(spec), [&process] { process.wake(); }, std::move(source), &sockets);
  if (!node) {
    base::log::stop();
    return complain(node.error().text);
  }
  node::instance& running = **node;
  running.note_restarts(lives.restarts);
  // Returns whether every thread ended.
  const auto stop = [&process, &running] {
    bool came_back = false;
    process.wait_while([&] { came_back = running.stop(); }, [&] { running.hurry(); });
    return came_back;
  };
  auto control = control::serve(running, lines, manager);
  auto http = control ? control::serve_http({running, lines, **control}) : unexpected(control.error());
  if (!http) {
    const bool came_back = stop();
    base::log::stop();
    const exit_code code = complain(http.error().text);
    if (!came_back) _exit(static_cast<int>(code));
    return code;
  }
  auto wanted = spec::passed_names(running.spec());
  wanted.emplace(net::sockets_of_actors); // their listeners are not all started yet
  sockets.close_rest(wanted);
  const std::string socket = running.spec().control.socket == "auto" ? "" : control::socket_of(running);
  running.when_ready(
      [&running, &sockets, &socket, client = client_program(program)](const base::status& ready) {
        sockets.close_rest(spec::passed_names(running.spec()));
        if (!ready) return base::log::warning("node", "not ready: {}", ready.error().text);
        if (std::getenv("JOURNAL_STREAM") != nullptr) return;
        const std::string text = node::banner(running, client, socket);
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
      });

  process.on_hang_up([&running] { refresh(running); });
  process.wait();
  process.on_hang_up(nullptr);
  const bool came_back = stop();
  const auto why = running.why();
  using ending = node::instance::ending;
  const auto code =
      why == ending::application || why == ending::service ? exit_code::failed : exit_code::done;
  base::log::info("node", "{} stopped", running.name());
  running.on_change(nullptr);
  http->reset(); // it asks the control thread
  control->reset();
  base::log::stop();
  if (code == exit_code::done) record.end();
  if (!came_back) _exit(static_cast<int>(code));
  return code;
}

exit_code start(int argc, char** argv) {
  command_line given;
  CLI::App app("Runs a Coppice node: a supervision tree of plugin actors in a cluster of Erlang nodes.",
               "coppiced");
  app.add_option("--config", given.files,
                 "configuration; later files override earlier ones, a folder is its node.yaml and conf.d")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--check", given.check, "validate the configuration and end");
  app.add_option("--name", given.name, "the node's name, in place of node.name")->type_name("ALIVE@HOST");
  app.add_option("--set", given.set, "override one key: node.log.level=debug")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.set_version_flag("--version", "coppiced " COPPICE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? exit_code::done : exit_code::usage;
  }

  spec::load_options options;
  options.name = given.name;
  for (const std::string& text : given.set) {
    if (!read_override(text, options.set.emplace_back())) {
      // Without what was given: it may be a secret, and standard error may be a journal.
      complain("--set: expected PATH=VALUE, such as node.log.level=debug");
      return exit_code::usage;
    }
  }
  keep_freed_memory();
  base::raise_descriptor_limit();
  net::size_lookup_pool();
  spec::outcome loaded = spec::load(spec::configuration_files(given.files), options);
  const std::string findings = spec::render(loaded.diagnostics);
  std::fwrite(findings.data(), 1, findings.size(), stderr);
  if (!loaded.spec) return exit_code::bad_configuration;
  if (given.check) {
    std::fputs(fmt::format("{}: configuration is valid\n", loaded.spec->node.name).c_str(), stdout);
    return exit_code::done;
  }
  return run(std::move(*loaded.spec), {given.files, options, std::move(loaded.texts)}, argv[0]);
}

} // namespace

int main(int argc, char** argv) {
  return static_cast<int>(start(argc, argv));
}
