// SPDX-License-Identifier: MIT
// Loads, checks, initialises and closes the plugin under test. One thread.
#include <coppice/testing/plugin.hpp>

#include <dlfcn.h>
#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

#include <coppice/detail/tables.hpp>
#include <coppice/testing/messages.hpp>
#include <coppice/testing/note.hpp>

namespace coppice::testing {

void plugin::close_library::operator()(void* handle) const {
  dlclose(handle);
}

plugin plugin::load(const std::string& file, const coppice_host& host) {
  library opened(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (opened == nullptr) throw failure(dlerror());
  const auto* const found = static_cast<const coppice_descriptor*>(dlsym(opened.get(), "coppice_plugin"));
  if (found == nullptr) throw failure(file + " exports no coppice_plugin");
  return plugin(*found, host, std::move(opened));
}

plugin::~plugin() {
  if (descriptor_.deinit != nullptr) descriptor_.deinit();
}

const coppice_actor_type& plugin::type(std::string_view name) const {
  for (std::uint64_t i = 0; i < descriptor_.actor_count; ++i) {
    if (name.empty() || name == descriptor_.actors[i]->name) return *descriptor_.actors[i];
  }
  throw failure("plugin " + std::string(id()) + " has no actor " + std::string(name));
}

coppice::unhandled plugin::unhandled_of(std::string_view actor) const {
  const std::string_view word =
      detail::word_of_actor(detail::manifest_around(&descriptor_), actor, "unhandled");
  const auto* const found = std::ranges::find(coppice::detail::unhandled_words, word);
  if (word.empty()) return coppice::unhandled::exit;
  if (found == std::end(coppice::detail::unhandled_words))
    throw failure("actor " + std::string(actor) + ": unhandled is " + std::string(word) +
                  ", but it is exit, reply_error, log or ignore");
  return coppice::unhandled(found - std::begin(coppice::detail::unhandled_words));
}

plugin::plugin(const coppice_descriptor& descriptor, const coppice_host& host, library opened)
    : library_(std::move(opened)), descriptor_(descriptor) {
  check();
  if (descriptor_.init == nullptr) return;
  detail::init_error error;
  const std::int32_t status = descriptor_.init(&host, reinterpret_cast<coppice_error*>(&error));
  if (status == COPPICE_OK) return;
  const std::string why = error.text.empty() ? coppice_status_word(status) : error.text;
  throw failure("init of plugin " + std::string(id()) + " failed: " + why);
}

void plugin::check() const {
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

std::size_t live_messages() {
  const std::scoped_lock held(detail::live_blocks.lock);
  return detail::live_blocks.all.size();
}

std::vector<std::string> take_complaints() {
  const std::scoped_lock held(detail::worlds.lock);
  return std::exchange(detail::worlds.complaints, {});
}

} // namespace coppice::testing
