// SPDX-License-Identifier: MIT
// The keys of an actor with UDP sockets.
#include "spec/kinds/udp.hpp"

#include <coppice/draft/udp.h>
#include <algorithm>

#include "base/socket_address.hpp"
#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/place.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_of_datagram = 65'507; // what UDP over IPv4 carries
constexpr std::uint64_t most_waiting = std::uint64_t{1} << 30;

std::string check_group(std::string_view written) {
  const auto read = base::socket_address::parse(written, 0);
  if (!read) return read.error().text;
  return read->is_multicast() ? "" : "must be a group's address, such as 239.0.0.1 or ff02::1";
}
std::string check_interface(std::string_view name) {
  return name.size() > 15 ? "must have at most 15 bytes" : "";
}

const table<udp_listen_options>& listen_table() {
  static const auto rows =
      table<udp_listen_options>()
          .add<&udp_listen_options::address>(
              "address", text("an address", &check_address, address_pattern()),
              "where datagrams come to: an IPv4 or IPv6 address, 0.0.0.0 or \"::\" for all")
          .add<&udp_listen_options::port>("port", whole<std::uint16_t>(0, 65535),
                                          "its port; 0: the kernel chooses one, which `coppice info` shows")
          .add<&udp_listen_options::socket>(
              "socket", socket_name(),
              "instead one that systemd passes: what its socket unit, with ListenDatagram=, has as "
              "FileDescriptorName=")
          .check([](reader& from, const node& at, udp_listen_options&) { check_place(from, at, {"socket"}); })
          .prune([](const udp_listen_options& from, json& listen) {
            if (from.socket.empty())
              listen.erase("socket");
            else
              listen.erase("address"), listen.erase("port");
          });
  return rows;
}

const table<multicast_options>& multicast_table() {
  using groups = list<std::string, text>;
  static const auto rows =
      table<multicast_options>()
          .add<&multicast_options::join>("join", groups(text("a group's address", &check_group)),
                                         "groups whose datagrams come, too")
          .add<&multicast_options::interface>("interface", text("an interface's name", &check_interface),
                                              "by which they come and what is sent to groups leaves; empty: "
                                              "that of the route")
          .add<&multicast_options::ttl>("ttl", whole<std::uint32_t>(0, 255),
                                        "routers that what is sent to groups may pass")
          .add<&multicast_options::loop>("loop", flag(), "true: this machine hears what it sends to groups");
  return rows;
}

void bounded(reader& from, const node& at, std::string_view key, std::uint64_t value, std::uint64_t least,
             std::uint64_t most) {
  if (value >= least && value <= most) return;
  from.error(value_or_map(at, key), from.path + "." + std::string(key) + ": must be from " +
                                        print_size(least) + " to " + print_size(most));
}

void check_udp(reader& from, const node& at, udp_options& udp) {
  const node* const listen = at.find("listen");
  if (listen != nullptr && udp.listen.empty())
    from.error(*listen, from.path + ".listen: needs one place at least");
  bounded(from, at, "max_datagram", udp.max_datagram, 1, most_of_datagram);
  bounded(from, at, "receive_buffer", udp.receive_buffer, 0, most_waiting);
  const auto chooses = [](const udp_listen_options& one) { return one.port == 0 && one.socket.empty(); };
  if (udp.handlers > 1 && std::ranges::any_of(udp.listen, chooses))
    from.error(*listen, from.path + ".listen: several handlers share a port, which cannot be 0");
  const auto is_passed = [](const udp_listen_options& one) { return !one.socket.empty(); };
  if (udp.handlers > 1 && std::ranges::any_of(udp.listen, is_passed))
    from.error(*listen, from.path +
                            ".listen: one that systemd passes is a single actor's: several 'handlers' "
                            "open a socket each");
  for (const std::string& group : udp.multicast.join) {
    const auto read = base::socket_address::parse(group, 0);
    const auto fits = [&](const udp_listen_options& one) {
      const auto place = base::socket_address::parse(one.address, 0);
      return !place || !one.socket.empty() || place->is_ipv6() == read->is_ipv6();
    };
    if (read && !std::ranges::all_of(udp.listen, fits))
      from.error(*at.find("multicast"),
                 from.path + ".multicast.join: " + group + " is of another family than a place of 'listen'");
  }
}

// Prints durations with their unit.
void prune_udp(const udp_options& from, json& udp) {
  print_durations(udp, "args", from.durations);
}

const table<udp_options>& udp_table() {
  using places = list<udp_listen_options, section<udp_listen_options>>;
  static const auto rows =
      table<udp_options>()
          .add<&udp_options::listen>("listen", places(section<udp_listen_options>(&listen_table)),
                                     "where datagrams come to, a socket each")
          .needed()
          .add<&udp_options::actor>("actor", actor_name(), "who has them")
          .needed()
          .elsewhere()
          .add<&udp_options::args>("args", args_term(), "its arguments, checked against the plugin's schema")
          .add<&udp_options::handlers>(
              "handlers", per_core(1024),
              "so many actors, each with sockets of its own: a peer always meets the same one; a number, "
              "cores, or a multiple such as \"2x cores\"")
          .add<&udp_options::max_datagram>("max_datagram", size(),
                                           "longer ones are dropped and counted; at most 65507 bytes")
          .add<&udp_options::receive_buffer>(
              "receive_buffer", size(),
              "bytes that may wait in the kernel for each socket, as far as it allows; 0: its default")
          .add<&udp_options::batch>("batch", whole<std::uint32_t>(1, 1024),
                                    "datagrams that the actor gets at once at most")
          .add<&udp_options::multicast>("multicast", section<multicast_options>(&multicast_table),
                                        "groups of receivers")
          .add<&udp_options::unhandled>("unhandled", optional_unhandled(), "as a child's, of the actor")
          .check(&check_udp)
          .prune(&prune_udp);
  return rows;
}

class udp_of_children final : public kind_of<udp_options> {
 public:
  udp_of_children()
      : kind_of("udp", form{"an actor with UDP sockets", "the 'udp' map"}, &udp_table,
                "an actor with UDP sockets", compared::by_key) {}

 private:
  bool is_one_actor_with(const udp_options&) const override { return true; }
  void args_of(const udp_options& of, const use_args& use) const override { use(of.args); }
  std::vector<listener> listeners_of(const udp_options& of) const override {
    std::vector<listener> out;
    for (const udp_listen_options& one : of.listen)
      out.push_back({"udp", one.address, one.port, {}, one.socket, of.handlers > 1});
    return out;
  }
  void check_options(child_check& with, child_spec& child, udp_options& of, const node&,
                     const node& written) const override {
    with.check_leaf(child, {of.actor, of.args, of.durations}, written, with.part_of_args());
  }
  void check_class(child_check& with, const named_actor& actor) const override {
    if (is_in(actor.child) && !has_table(actor.type, COPPICE_UDP_DRAFT_2))
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' takes no datagrams",
                    "it has no table " + std::string(COPPICE_UDP_DRAFT_2));
    if (!is_in(actor.child) && actor.type.behaviour == "udp")
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' is one for datagrams",
                    "it belongs into a 'udp' map");
  }
};

} // namespace

const kind& udp_kind() {
  static const udp_of_children made;
  return made;
}

} // namespace coppice::spec
