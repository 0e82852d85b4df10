// SPDX-License-Identifier: MIT
// The plugin under test: its sources are compiled into the test program, or it is a built file, which may be
// loaded beside another version of itself. Code that a node would refuse is refused here. init runs here with
// the host table for tests, deinit when this object is destroyed, after its actors. One thread.
#pragma once

#include <coppice/plugin.h>
#include <coppice/detail/descriptor.hpp>

#include <memory>
#include <string>
#include <string_view>

#include <coppice/testing/host.hpp>

namespace coppice::testing {

class plugin {
 public:
  /// The plugin that is part of this program.
  static const plugin& linked() {
    static const plugin only(::coppice_plugin, *detail::host_table(), nullptr);
    return only;
  }
  /// Loads a built plugin. While it is loaded, the same path gives the same image: a second version needs
  /// another file. `host` may be a table of the test, for example one without a draft.
  static plugin load(const std::string& file, const coppice_host& host = *detail::host_table());

  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;
  ~plugin();

  std::string_view id() const { return descriptor_.id; }
  std::string_view version() const { return descriptor_.version; }
  /// An actor type by its name; empty: the first.
  const coppice_actor_type& type(std::string_view name = {}) const;
  /// What happens to a message that no callback of that actor takes, from the class or the note.
  coppice::unhandled unhandled_of(std::string_view actor) const;

 private:
  struct close_library {
    void operator()(void* handle) const;
  };
  using library = std::unique_ptr<void, close_library>;

  plugin(const coppice_descriptor& descriptor, const coppice_host& host, library opened);

  void check() const;

  library library_; // destroyed last
  const coppice_descriptor& descriptor_;
};

/// Messages that plugins hold; 0 once all actors are gone and all messages were released.
std::size_t live_messages();
/// Takes complaints about rules of the ABI that no actor could be blamed for; the others are in journals.
std::vector<std::string> take_complaints();

} // namespace coppice::testing
