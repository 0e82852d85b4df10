// SPDX-License-Identifier: MIT
// Sockets that outlive the process, so that the next process uses them and clients that connect in between
// wait instead of being refused. The store holds what the service manager passed at the start, and gives the
// manager sockets to keep (sd_notify(3), FDSTORE=1). Each socket has the name of its purpose (dist, control,
// http, epmd, actors); several of one name differ by their addresses. Passed sockets stay with the service
// manager until this process asks it to remove them. Any thread; its lock is a leaf. The store outlives its
// places.
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

// The name in the store of the sockets on which actors listen.
inline constexpr std::string_view sockets_of_actors = "actors";

// Inclusive. 0 to 0: the kernel chooses.
struct port_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

class socket_store {
 public:
  // Sends these lines to the service manager, with a descriptor unless that is -1. False: the manager does
  // not take them.
  using tell_fn = std::function<bool(std::string_view lines, int descriptor)>;

  // Without `tell` the passed sockets are used and nothing is kept.
  socket_store(std::vector<passed_socket> passed, tell_fn tell);
  ~socket_store();
  socket_store(const socket_store&) = delete;
  socket_store& operator=(const socket_store&) = delete;

  // A socket in use, here and at the service manager. Destroyed before its descriptor; the socket is then no
  // longer kept, unless end() was called before. An empty place does nothing.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), id_(other.id_) {}
    place& operator=(place&& other) noexcept;
    ~place() { leave(); }

    // Whether the socket will outlive this process: end() was called, and the service manager has the socket.
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
    std::string path{}; // of a Unix-domain socket; "@": it has none in the file system
  };

  // Takes a listening socket that was passed under this name, at this address and one of these ports, the
  // lowest port first. A socket for IPv6 is taken only if it refuses IPv4 connections.
  std::optional<taken> take_tcp(std::string_view name, const base::socket_address& address, port_range ports);
  // Takes a listening socket that is bound to exactly this path.
  std::optional<taken> take_unix(std::string_view name, const std::string& path);
  // Shares a listening socket that was passed under this name and is not shared yet, the lowest port first. A
  // socket for IPv6 may take IPv4 connections too. It goes on listening when the share is given back, and can
  // be shared again. errc::not_found: there is none. errc::invalid: the passed socket is of no use, and why.
  base::result<taken> share_named(std::string_view name);
  // Shares a bound, unconnected UDP socket that was passed under this name, as share_named() does.
  base::result<taken> share_datagrams(std::string_view name);
  // Takes a UDP socket that was passed under this name and is bound to exactly this address.
  std::optional<taken> take_datagrams(std::string_view name, const base::socket_address& address);
  // Takes a connection to this peer that was passed under this name.
  std::optional<taken> take_connection(std::string_view name, const base::socket_address& peer);

  // Gives a socket that was opened here to the service manager to keep.
  place keep(std::string_view name, int descriptor);

  // Closes passed sockets that have not been taken and that prevent listening at `address` (or, for
  // datagrams, binding UDP there). Returns when the service manager has closed them too, after five seconds
  // at the latest. False: there are none.
  enum class kind : std::uint8_t { stream, datagrams };
  bool make_way(const base::socket_address& address, kind of = kind::stream);
  // Closes all passed sockets that have not been taken and whose name is not in `wanted`.
  void close_rest(const std::set<std::string, std::less<>>& wanted = {});
  // The process ends: kept sockets stay with the service manager from now on.
  void end();

 private:
  struct waiting; // passed, and not taken yet
  struct used {
    std::string name;
    int descriptor = -1;
    bool stored = false; // the service manager has it
  };
  // The matching passed socket with the lowest port; waiting_.end(): none. Under the lock.
  template <class Match>
  std::vector<waiting>::iterator find(std::string_view name, Match matches);
  template <class Match>
  std::optional<taken> take(std::string_view name, Match matches);
  // `unlike`: the mistake of a socket that does not match, in words.
  template <class Match>
  base::result<taken> share(std::string_view name, Match matches, std::string_view unlike);
  template <class Match>
  bool close_those(Match matches, std::string_view why);
  void remove(const std::string& name);
  bool store(const std::string& name, int descriptor);
  void wait_for_manager();
  void leave(std::uint64_t id);

  const tell_fn tell_;
  mutable std::mutex lock_; // guards the members below
  std::vector<waiting> waiting_;
  std::map<std::uint64_t, used> used_;
  std::uint64_t last_ = 0;
  bool ended_ = false;
};

// Where a listening socket is kept, and under which name. Without a store: nowhere.
struct keeping {
  socket_store* store = nullptr;
  std::string name{};
  bool owns_path = false; // the file is removed with the listener even if the socket was kept over a restart
};

} // namespace coppice::net
