// SPDX-License-Identifier: MIT
// Sockets that outlive the process, so that its successor goes on with them and who connects in between
// waits instead of being refused: what the service manager passed at the start, and what it is given to keep
// (sd_notify(3), FDSTORE=1). Each has the name of what it is for (dist, control, http, epmd, actors); several
// of one name are told apart by their addresses. What was passed stays with whoever passed it, and is told of
// only to have it removed. Any thread; its lock is a leaf, and it outlives every place in it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "net/listening/passed_sockets.hpp"

namespace coppice::net {

// Under which name the store has what actors listen on.
inline constexpr std::string_view sockets_of_actors = "actors";

// Inclusive; 0 to 0 lets the kernel choose.
struct port_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

class socket_store {
 public:
  // Tells the service manager these lines, with a descriptor unless that is -1. False: it does not take them.
  using tell_fn = std::function<bool(std::string_view lines, int descriptor)>;

  // Without `tell` what was passed is used and nothing kept.
  socket_store(std::vector<passed_socket> passed, tell_fn tell);
  ~socket_store();
  socket_store(const socket_store&) = delete;
  socket_store& operator=(const socket_store&) = delete;

  // Of a socket that is in use, here and by the service manager. Destroyed before its descriptor; it is then
  // not to be kept any longer, unless end() came first. An empty one does nothing.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), id_(other.id_) {}
    place& operator=(place&& other) noexcept;
    ~place() { leave(); }

    // It will be there when this process is gone: end() came, and it is kept.
    bool stays() const;

   private:
    friend class socket_store;
    place(socket_store& of, std::uint64_t id) : of_(&of), id_(id) {}
    void leave();

    socket_store* of_ = nullptr;
    std::uint64_t id_ = 0;
  };

  struct taken {
    base::unique_fd fd;
    socket_store::place place;
    std::string path{}; // of a Unix-domain socket; "@" where it has none in the file system
  };

  // A listening socket that was passed under this name, at this address and one of these ports, the lowest
  // first; one for IPv6 takes no IPv4 connections.
  std::optional<taken> take_tcp(std::string_view name, const base::socket_address& address, port_range ports);
  // One that was bound to this path, as it is written.
  std::optional<taken> take_unix(std::string_view name, const std::string& path);
  // A share of any listening socket that was passed under this name and nobody has a share of, the lowest
  // port first; one for IPv6 may take IPv4 connections too. It listens on when the share is given back, and
  // can be taken again. errc::not_found, errc::invalid: there is none, or only what is of no use, and why.
  base::result<taken> share_named(std::string_view name);
  // Likewise of any UDP socket, which is bound and not connected.
  base::result<taken> share_datagrams(std::string_view name);
  // A UDP socket that was passed under this name and is bound to exactly this address.
  std::optional<taken> take_datagrams(std::string_view name, const base::socket_address& address);
  // A connection to this address.
  std::optional<taken> take_connection(std::string_view name, const base::socket_address& peer);

  // Has one kept that was opened here.
  place keep(std::string_view name, int descriptor);

  // Closes those that were passed and not taken and are in the way of listening at `address`, or of UDP
  // there; returns when the service manager has done so too, after five seconds at the latest. False: there
  // is none.
  enum class kind : std::uint8_t { stream, datagrams };
  bool make_way(const base::socket_address& address, kind of = kind::stream);
  // Closes all that were passed and not taken, and have none of these names.
  void close_rest(const std::set<std::string, std::less<>>& wanted = {});
  // The process ends: from now on what is kept stays.
  void end();

 private:
  struct waiting; // passed, and not taken yet
  struct used {
    std::string name;
    int descriptor = -1;
    bool stored = false; // the service manager has it
  };
  // Of those passed the one with the lowest port; waiting_.end(): there is none. Under the lock.
  template <class Match>
  std::vector<waiting>::iterator find(std::string_view name, Match matches);
  template <class Match>
  std::optional<taken> take(std::string_view name, Match matches);
  // `unlike`: what is wrong with those that do not match.
  template <class Match>
  base::result<taken> share(std::string_view name, Match matches, std::string_view unlike);
  template <class Match>
  bool close_those(Match matches, std::string_view why);
  void remove(const std::string& name);
  bool store(const std::string& name, int descriptor);
  void wait_for_manager();
  void leave(std::uint64_t id);

  const tell_fn tell_;
  mutable std::mutex lock_; // guards what follows
  std::vector<waiting> waiting_;
  std::map<std::uint64_t, used> used_;
  std::uint64_t last_ = 0;
  bool ended_ = false;
};

// Where a socket is kept, and under which name; without a store nowhere.
struct keeping {
  socket_store* store = nullptr;
  std::string name{};
  bool owns_path = false; // the file goes with the listener also where the socket was kept over a restart
};

} // namespace coppice::net
