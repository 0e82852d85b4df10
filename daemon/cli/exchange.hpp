// SPDX-License-Identifier: MIT
// What commands that ask a running node have in common: which one, how it is asked, and how it is said that
// there was no answer. One thread.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "api/exit_code.hpp"
#include "api/protocol.hpp"
#include "cli/client.hpp"

namespace coppice::cli {

// Options every command takes.
struct common_options {
  bool json = false;
  std::string socket; // empty: chosen as api::choose_socket says
};

// How long the client waits for answers that need nobody but the node's control thread.
inline constexpr std::chrono::milliseconds node_patience{10'000};

// Writes "coppice: WHAT: WHY", and the hint where there is one, to stderr.
void complain(const std::string& what, const std::string& why, const std::string& hint = {});

// Writes lines for people to stderr, made printable. What cannot be written is lost, and the exit status says
// all the same what came of it.
void print_error(const std::string& text);

// What helps where no node is reached through `socket` (empty: none was found): of the machine's service,
// `with_service` saying whether it has one, systemd's commands. `answered`: somebody took the connection and
// closed it.
std::string no_node_hint(const std::string& socket, bool with_service, bool answered);
// The same for the node that `common` means, on this machine.
std::string no_node_hint(const common_options& common, bool answered = false);
// The unit that a control socket is of; empty: none.
std::string unit_of(const std::string& socket);
bool has_service();

// --timeout, into `text`, which outlives `app` and holds the default; for parse_timeout().
void add_timeout(CLI::App& app, std::string& text);

// "5s", "250ms", "2m", "1h": milliseconds. "infinity": -1. errc::invalid otherwise.
base::result<long long> parse_timeout(const std::string& text);

// A connection to the node that `common` means. usage: several are there; no_node: none, or not for us.
expected<client, no_reply> reach(const common_options& common,
                                 std::optional<std::chrono::milliseconds> patience = node_patience);

// After a connection was lost: waits for the node's next life, however long, and says so. An error is one
// that waiting does not mend.
expected<client, no_reply> reach_again(const std::string& what, const common_options& common);

// Why there is no reply, said; its exit status.
api::exit_code fail(const std::string& what, const no_reply& problem, const common_options& common);
// The node's failure, said; its exit status.
api::exit_code fail(const api::failure& from);

// Writes all of it to standard output, lines for people: what a node or a file says can neither drive the
// terminal nor turn the text around it, see base::printable(). False: nobody reads it any more.
bool print(const std::string& text);
// The same as it is: what was made here, or made printable, with colours maybe.
bool print_exactly(const std::string& text);
// As one document, indented; what is not UTF-8 is replaced, what is not printable is written \uNNNN.
bool print_json(const nlohmann::json& document);

// A document as print_json() writes it.
std::string json_to_show(const nlohmann::json& document, int indent = -1);
// All texts in it.
void make_printable(nlohmann::json& document);

} // namespace coppice::cli
