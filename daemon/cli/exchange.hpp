// SPDX-License-Identifier: MIT
// The parts that all commands for a running node share: choosing the node, asking it, and reporting that it
// does not answer. One thread.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "api/exit_code.hpp"
#include "api/protocol.hpp"
#include "cli/client.hpp"

namespace coppice::cli {

// Options of every command.
struct common_options {
  bool json = false;
  std::string socket; // empty: chosen by api::choose_socket()
};

// How long the client waits for answers that only the node's control thread is needed for.
inline constexpr std::chrono::milliseconds node_patience{10'000};

// Writes "coppice: WHAT: WHY" to stderr, and the hint unless it is empty.
void complain(const std::string& what, const std::string& why, const std::string& hint = {});

// Writes lines for people to stderr, made printable. A failure to write is ignored, since the exit status
// still tells the result.
void print_error(const std::string& text);

// Advice when no node is reached through `socket` (empty: none was found). `with_service`: this machine has a
// service of coppice, so systemd's commands are named. `answered`: the connection was accepted and then
// closed.
std::string no_node_hint(const std::string& socket, bool with_service, bool answered);
// no_node_hint() for the node that `common` selects on this machine.
std::string no_node_hint(const common_options& common, bool answered = false);
// The systemd unit of a control socket. Empty: none.
std::string unit_of(const std::string& socket);
bool has_service();

// Adds --timeout, which is stored in `text` for parse_timeout(). `text` outlives `app` and holds the default.
void add_timeout(CLI::App& app, std::string& text);

// Milliseconds of "5s", "250ms", "2m" or "1h". "infinity": -1. errc::invalid: another text.
base::result<long long> parse_timeout(const std::string& text);

// Connects to the node that `common` selects. usage: there are several; no_node: there is none, or this user
// may not connect.
expected<client, no_reply> reach(const common_options& common,
                                 std::optional<std::chrono::milliseconds> patience = node_patience);

// After a connection was lost: waits without a bound for the node's next start, and says so. An error is one
// that waiting does not mend.
expected<client, no_reply> reach_again(const std::string& what, const common_options& common);

// Prints why there is no reply, and returns the exit status.
api::exit_code fail(const std::string& what, const no_reply& problem, const common_options& common);
// Prints the node's failure, and returns the exit status.
api::exit_code fail(const api::failure& from);

// Writes lines for people to standard output, made printable: text from a node or a file can neither control
// the terminal nor reverse the text around it, see base::printable(). False: the output is closed.
bool print(const std::string& text);
// Writes text as it is: text made here or made printable before, perhaps with colours.
bool print_exactly(const std::string& text);
// Prints one indented document. Bytes that are not UTF-8 are replaced, unprintable characters written as
// \uNNNN.
bool print_json(const nlohmann::json& document);

// The text that print_json() prints.
std::string json_to_show(const nlohmann::json& document, int indent = -1);
// Makes every string in it printable.
void make_printable(nlohmann::json& document);

} // namespace coppice::cli
