// SPDX-License-Identifier: MIT
// The terminal starts the shell by rpc, links to the returned process, and prints what that process sends. If
// the process has ended before, the terminal shows a crash, so it stays until it is answered.
#include "services/io/no_shell.hpp"

#include <coppice/etf/cursor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "runtime/on_behalf.hpp"
#include "runtime/system.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr base::nanos patience = 5 * base::nanos_per_second; // for a terminal that does not answer

constexpr std::string_view no_shell_here =
    "a Coppice node runs no Erlang and has no shell, use the coppice command on its machine";

void log_asked(const runtime::node_names& names, const runtime::pid& terminal) {
  base::log::warning(
      "services",
      "{} asked for a shell: this node has none, the `coppice` command on its machine shows and "
      "does what one is wanted for",
      names.name(terminal.node));
}

class no_shell final : public runtime::behaviour {
 public:
  explicit no_shell(runtime::message_origin asker) : asker_(asker) {}
  runtime::outcome init(process& self) override {
    self.set_origin(asker_);
    const auto asker = runtime::on_behalf::of_origin(self);
    const auto terminal = self.group_leader();
    const auto& names = self.host().nodes();
    log_asked(names, terminal);
    if (terminal.node == asker_.node) self.monitor(terminal);
    self.start_timer(self.now() + patience, self.self(), message::atom("late"));
    message_writer out;
    out.tuple(4);
    out.atom("io_request");
    runtime::write(out, self.self(), names);
    runtime::write(out, self.make_reference(), names);
    out.tuple(3);
    out.atom("put_chars");
    out.atom("unicode");
    out.binary("\n" + std::string(names.own()) +
               " is a Coppice node: it runs no Erlang and has no shell. Use the `coppice` command on its "
               "machine:\ncoppice --help\n");
    asker.send(terminal, out.take());
    return runtime::carry_on();
  }
  // The terminal's answer, its end, or the time-out.
  runtime::outcome receive(process&, message) override { return runtime::stop(message::atom("normal")); }
  void describe(runtime::description& out) const override { out.behaviour = "no_shell"; }

 private:
  runtime::message_origin asker_;
};

answer start(process& self, etf::bytes) {
  runtime::spawn_options options;
  options.label = "no shell";
  const auto made = self.spawn(std::move(options), std::make_unique<no_shell>(self.origin()));
  if (!made) return {};
  message_writer out;
  runtime::write(out, *made, self.host().nodes());
  return out.take();
}

// {error, embedded}: there is no such module; observer's own module exists. For a shell's module the reason
// is shown to the caller: OTP since 26 and IEx ask before they start a shell. IEx shows the error only for
// {badrpc, Reason}; for any other answer it prints "Could not find IEx".
answer ensure_loaded(process& self, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view module;
  if (!at.read_list(length) || !at.read_atom(module)) return {};
  const bool for_iex = module == "Elixir.IEx";
  const bool shell = module == "shell" || module == "iex" || for_iex;
  if (shell) log_asked(self.host().nodes(), self.group_leader());
  const bool here = module == "observer_backend";
  message_writer out;
  out.tuple(2);
  out.atom(here ? "module" : for_iex ? "badrpc" : "error");
  out.atom(here ? module : shell ? no_shell_here : "embedded");
  return out.take();
}

} // namespace

void add_shell_functions(function_table& into) {
  for (const char* const key : {"shell:start/0", "shell:start/1", "shell:start/2", "Elixir.IEx:start/1",
                                "Elixir.IEx:start/2", "iex:start/1", "iex:start/2"})
    into[key] = start;
  into["code:ensure_loaded/1"] = ensure_loaded;
}

} // namespace coppice::services
