// SPDX-License-Identifier: MIT
// The plugin under test: its sources are compiled into the test program, or it is a built file, which may be
// loaded beside another version of itself. Code that a node would refuse is refused here. init runs here with
// the host table for tests, deinit when this object is destroyed, after its actors. Header-only. One thread.
#pragma once

#include <coppice/plugin.h>
#include <dlfcn.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/detail/tables.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include <coppice/testing/host.hpp>
#include <coppice/testing/note.hpp>

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
  static plugin load(const std::string& file, const coppice_host& host = *detail::host_table()) {
    library opened(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (opened == nullptr) throw failure(dlerror());
    const auto* const found = static_cast<const coppice_descriptor*>(dlsym(opened.get(), "coppice_plugin"));
    if (found == nullptr) throw failure(file + " exports no coppice_plugin");
    return plugin(*found, host, std::move(opened));
  }

  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;
  ~plugin() {
    if (descriptor_.deinit != nullptr) descriptor_.deinit();
  }

  std::string_view id() const { return descriptor_.id; }
  std::string_view version() const { return descriptor_.version; }
  /// An actor type by its name; empty: the first.
  const coppice_actor_type& type(std::string_view name = {}) const {
    for (std::uint64_t i = 0; i < descriptor_.actor_count; ++i) {
      if (name.empty() || name == descriptor_.actors[i]->name) return *descriptor_.actors[i];
    }
    throw failure("plugin " + std::string(id()) + " has no actor " + std::string(name));
  }
  /// What happens to a message that no callback of that actor takes, from the class or the note.
  coppice::unhandled unhandled_of(std::string_view actor) const {
    const std::string_view word =
        detail::word_of_actor(detail::manifest_around(&descriptor_), actor, "unhandled");
    const auto* const found = std::ranges::find(coppice::detail::unhandled_words, word);
    if (word.empty()) return coppice::unhandled::exit;
    if (found == std::end(coppice::detail::unhandled_words))
      throw failure("actor " + std::string(actor) + ": unhandled is " + std::string(word) +
                    ", but it is exit, reply_error, log or ignore");
    return coppice::unhandled(found - std::begin(coppice::detail::unhandled_words));
  }

 private:
  struct close_library {
    void operator()(void* handle) const { dlclose(handle); }
  };
  using library = std::unique_ptr<void, close_library>;

  plugin(const coppice_descriptor& descriptor, const coppice_host& host, library opened)
      : library_(std::move(opened)), descriptor_(descriptor) {
    check();
    if (descriptor_.init == nullptr) return;
    detail::init_error error;
    const std::int32_t status = descriptor_.init(&host, reinterpret_cast<coppice_error*>(&error));
    if (status == COPPICE_OK) return;
    const std::string why = error.text.empty() ? coppice_status_word(status) : error.text;
    throw failure("init of plugin " + std::string(id()) + " failed: " + why);
  }

  void check() const {
    if (descriptor_.magic != COPPICE_MAGIC || descriptor_.abi_major != COPPICE_ABI_MAJOR ||
        descriptor_.abi_minor_needed > COPPICE_ABI_MINOR)
      throw failure("this plugin was built for another plugin ABI");
    if (descriptor_.size < COPPICE_DESCRIPTOR_LEAST)
      throw failure("its descriptor has size " + std::to_string(descriptor_.size) + ", below " +
                    std::to_string(COPPICE_DESCRIPTOR_LEAST) + ": set it to sizeof(coppice_descriptor)");
    for (std::uint64_t i = 0; i < descriptor_.actor_count; ++i) {
      const coppice_actor_type& type = *descriptor_.actors[i];
      for (const tables::fault& each : tables::check(type))
        throw failure("actor " + std::string(type.name) + ": " + each.sentence());
    }
  }

  library library_; // destroyed last
  const coppice_descriptor& descriptor_;
};

/// Messages that plugins hold; 0 once all actors are gone and all messages were released.
inline std::size_t live_messages() {
  const std::scoped_lock held(detail::live_blocks.lock);
  return detail::live_blocks.all.size();
}
/// Takes complaints about rules of the ABI that no actor could be blamed for; the others are in journals.
inline std::vector<std::string> take_complaints() {
  const std::scoped_lock held(detail::worlds.lock);
  return std::exchange(detail::worlds.complaints, {});
}

} // namespace coppice::testing
