// SPDX-License-Identifier: MIT
// The plugins of a node: found by name, inspected, tried out, copied, mapped, checked, and then the source
// of every actor that is started. A plugin is loaded when the configuration first needs it, by a thread that
// may block; making actors afterwards is for any thread. A reload opens the next generation beside the one in
// use and puts it in its place; an image is unmapped when nothing needs its code any more.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/stripes.hpp"
#include "behaviours/pool/pool_policy.hpp"
#include "host/boundary/actor_code.hpp"
#include "loader/generation.hpp"
#include "loader/private_copy.hpp"
#include "loader/trial.hpp"
#include "runtime/actor_factory.hpp"

namespace coppice::loader {

struct loader_options {
  std::vector<std::string> path;                           // folders searched for PLUGIN.so, in order
  std::string data;                                        // node.data: copies go under DATA/plugins
  std::string plugin_host;                                 // the coppice-plugin-host program
  base::nanos probe_deadline = 5 * base::nanos_per_second; // for one file
  metrics::board* metrics = nullptr;                       // outlives the loader; null: none are kept
  behaviours::event_channels* events = nullptr;            // used while actors run; null: there are none
};

// One loaded plugin, copied for people.
struct loaded_plugin {
  std::string id;
  std::string version;
  std::string build_id;
  std::string file; // where it came from
  std::uint64_t generation = 0;
  std::vector<std::string> actors;
  std::uint64_t in_use = 0; // actors, buffers and threads that need its code
};

class loader final : public runtime::actor_factory, public behaviours::pool_policies {
 public:
  explicit loader(loader_options options);
  ~loader() override;
  loader(const loader&) = delete;
  loader& operator=(const loader&) = delete;

  // Makes the folder for copies. Before the first load(). Blocks.
  base::status prepare();
  // Removes the copies of an earlier run that no load() has used. Blocks.
  void sweep();
  // Loads a plugin by its id; nothing happens if it is loaded. errc::not_found: no such file in the path;
  // errc::refused: the file is not fit, in words for its author. Blocks.
  base::status load(std::string_view plugin);
  // Loads the plugin of "PLUGIN" or "PLUGIN:ACTOR" and sees that it has the actor. Blocks.
  base::status load_for(std::string_view actor);

  // The next generation, for one reload at a time; all of these block.
  // Whether the file's contents are not those in use. errc::not_found: it is not loaded, or there is no file.
  base::result<bool> changed(const std::string& plugin) const;
  // The file as it is now, found fit, loaded beside what is in use, which goes on. Errors as for load().
  base::result<std::unique_ptr<plugin_generation>> open_next(const std::string& plugin);
  // Restores these states with it in a process of its own. errc::refused, errc::timeout: not all would go.
  base::status try_states(const plugin_generation& next, const std::vector<trial_state>& states) const;
  // From now on make() uses these.
  void promote(std::vector<std::unique_ptr<plugin_generation>> next);
  // What was opened is not used after all.
  void discard(std::vector<std::unique_ptr<plugin_generation>> next);
  // Unmaps what nothing needs any more; what is left, and why.
  std::vector<kept_image> collect();

  // Any thread from here on.
  std::vector<kept_image> kept() const; // as of the last collect()
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;
  std::uint64_t code_version() const override { return code_version_.load(std::memory_order_relaxed); }
  std::unique_ptr<behaviours::pool_policy> policy_of(const std::string& actor) override;
  std::vector<loaded_plugin> loaded() const;
  // How many actors the generation in use has made; 0: not loaded.
  std::uint64_t made(std::string_view plugin) const;
  // The JSON Schema of the args of "PLUGIN" or "PLUGIN:ACTOR", in the generation in use; empty: any map.
  // errc::not_found: it is not loaded, or has no such actor.
  base::result<std::string> args_schema(std::string_view actor) const;
  // Whether a loaded plugin's actor can be given other args as it runs.
  bool takes_config_change(std::string_view plugin, std::string_view actor) const;

  // Closes every image whose last actor is gone; the sentences say which stay and why. The copies in use stay
  // for the next start. At shutdown.
  std::vector<std::string> unload();

 private:
  using entry = plugin_generation;

  base::result<std::string> find_file(std::string_view plugin) const;
  base::result<entry> open(const std::string& plugin, const std::string& file); // with opening_ held
  // What a name of an actor, "PLUGIN:ACTOR" or "PLUGIN", means.
  struct known_actor {
    std::string name;
    image* mapped;
    const host::actor_code* code;
  };
  using reading = base::striped_lock::reading;
  // With the lock held.
  entry* find(std::string_view plugin) const;
  base::result<known_actor> choose_actor(const std::string& name) const;
  // With the lock held by `by`, as long as it is.
  base::result<const known_actor*> actor_of(const std::string& name, const reading& by);
  void code_has_changed(); // with all of the lock held
  // Why it cannot be closed; empty: it is, and its copy gone unless that stays.
  std::string close(entry& one) const;

  loader_options options_;
  std::mutex opening_; // one file at a time: an apply and the trial of a reload may come together
  copy_folder copies_;
  std::map<std::string, std::uint64_t, std::less<>> generations_; // the last one of each plugin
  mutable base::striped_lock lock_; // of entries_ and what is below; never held while plugin code runs
  std::vector<std::unique_ptr<entry>> entries_;
  std::vector<std::unique_ptr<entry>> former_; // of former generations, still mapped
  std::vector<kept_image> kept_;
  struct alignas(64) found_actors {
    std::vector<known_actor> all;
  };
  std::array<found_actors, base::stripes> known_;    // in entries_, by whoever reads with that stripe
  std::atomic<std::uint64_t> code_version_{1};       // counts what entries_ gets
  host::identity_book identities_{options_.metrics}; // of the actors of all images
};

// "PLUGIN:ACTOR" in two; the actor of "PLUGIN" is the one of that name, or the only one.
struct actor_name {
  std::string_view plugin;
  std::string_view actor; // empty: not said
};
actor_name split(std::string_view text);
// The actor type that "PLUGIN" or "PLUGIN:ACTOR" means. errc::not_found names those there are.
base::result<const manifest::actor_type*> choose(const manifest::manifest& declared, std::string_view actor);

} // namespace coppice::loader
