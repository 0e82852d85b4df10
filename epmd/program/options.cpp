// SPDX-License-Identifier: MIT
// The options of epmd's manual page. An address list is separated by commas or spaces; loopback is added to
// it, so that nodes of this machine always find their EPMD. The main thread.
#include "epmd/program/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace coppice::epmd::program {
namespace {

template <class Number>
base::result<Number> number(std::string_view option, std::string_view text, Number lowest) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value < lowest) {
    return base::fail(base::errc::invalid,
                      fmt::format("{}: \"{}\" is no number from {} up", option, text, lowest));
  }
  return value;
}

base::result<std::vector<base::socket_address>> address_list(std::string_view text) {
  std::vector<base::socket_address> addresses;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(", "), text.size());
    if (end > 0) {
      auto address = base::socket_address::parse(text.substr(0, end), 0);
      if (!address) return unexpected(std::move(address.error()).context("-address"));
      addresses.push_back(*address);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return addresses;
}

// Options that take no value.
bool set_flag(std::string_view option, options& into) {
  if (option == "-d" || option == "-debug") {
    into.debug = true;
  } else if (option == "-daemon") {
    into.daemon = true;
  } else if (option == "-relaxed_command_check") {
    into.relaxed = true;
  } else if (option == "-systemd") {
    into.systemd = true;
  } else if (option == "-names") {
    into.action = action::names;
  } else if (option == "-dump") {
    into.action = action::dump;
  } else if (option == "-kill") {
    into.action = action::kill;
  } else if (option == "-help" || option == "--help" || option == "-h") {
    into.action = action::help;
  } else if (option == "-version" || option == "--version") {
    into.action = action::version;
  } else {
    return false;
  }
  return true;
}

// Stores what was read.
template <class T, class Place>
base::status put(base::result<T> read, Place& into) {
  if (!read) return unexpected(std::move(read.error()));
  into = Place(std::move(*read));
  return {};
}

base::status set_value(std::string_view option, std::string_view value, options& into) {
  if (option == "-port") return put(number<std::uint16_t>(option, value, 1), into.port);
  if (option == "-address") return put(address_list(value), into.addresses);
  if (option == "-packet_timeout") {
    std::chrono::seconds time{};
    const base::status done = put(number<std::uint32_t>(option, value, 1), time);
    if (done) into.packet_timeout = time;
    return done;
  }
  into.action = action::stop;
  into.stop_name = value;
  return {};
}

bool takes_value(std::string_view option) {
  return option == "-port" || option == "-address" || option == "-packet_timeout" || option == "-stop";
}

// Gives every address the port, and adds loopback.
void complete(options& read) {
  if (read.addresses.empty()) return;
  const bool has_loopback =
      std::any_of(read.addresses.begin(), read.addresses.end(),
                  [](const base::socket_address& a) { return a.is_loopback() || a.is_any(); });
  if (!has_loopback) read.addresses.push_back(*base::socket_address::parse("127.0.0.1", 0));
  for (base::socket_address& address : read.addresses) address.set_port(read.port);
}

} // namespace

const std::string_view usage =
    "usage: coppice-epmd [-d|-debug] [-address LIST] [-port NUMBER] [-daemon] [-systemd]\n"
    "                    [-relaxed_command_check] [-packet_timeout SECONDS]\n"
    "       coppice-epmd [-port NUMBER] -names|-dump|-kill|-stop NAME\n"
    "\n"
    "Tells Erlang nodes of this machine's ports; a drop-in for Erlang's epmd.\n"
    "\n"
    "  -address LIST             listen on these addresses (and on loopback) instead of on all;\n"
    "                            ERL_EPMD_ADDRESS\n"
    "  -port NUMBER              instead of 4369; ERL_EPMD_PORT\n"
    "  -daemon                   go into the background\n"
    "  -systemd                  take the listening sockets from systemd\n"
    "  -d, -debug                log every request to stderr\n"
    "  -relaxed_command_check    let -kill end an EPMD with live nodes, and allow -stop;\n"
    "                            ERL_EPMD_RELAXED_COMMAND_CHECK\n"
    "  -packet_timeout SECONDS   how long a client may take for a request (60);\n"
    "                            2 at most while many are waited for\n"
    "\n"
    "  -names                    list the registered nodes\n"
    "  -dump                     list them with their connections, and those that left\n"
    "  -kill                     end the running EPMD\n"
    "  -stop NAME                unregister a node by force\n"
    "  -help, -version\n";

base::result<options> parse(const std::vector<std::string>& arguments,
                            const char* (*environment)(const char*)) {
  options read;
  base::status done;
  const auto from_environment = [&](const char* variable, std::string_view option) {
    const char* value = environment(variable);
    if (done && value != nullptr && *value != '\0') done = set_value(option, value, read);
  };
  from_environment("ERL_EPMD_PORT", "-port");
  from_environment("ERL_EPMD_ADDRESS", "-address");
  if (!done) return unexpected(std::move(done.error()).context("the environment"));
  read.relaxed = environment("ERL_EPMD_RELAXED_COMMAND_CHECK") != nullptr;

  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    if (set_flag(option, read)) continue;
    if (!takes_value(option))
      return base::fail(base::errc::invalid, fmt::format("unknown option \"{}\"", option));
    if (++i == arguments.size()) return base::fail(base::errc::invalid, option + " needs a value");
    if (done = set_value(option, arguments[i], read); !done) return unexpected(std::move(done.error()));
  }
  complete(read);
  return read;
}

} // namespace coppice::epmd::program
