// SPDX-License-Identifier: MIT
// The plugins of a node. The loader finds a plugin by its name, inspects it, tries it out, copies, maps and
// checks it; then it is the source of every actor of the plugin. A plugin is loaded when the configuration
// first needs it, by a thread that may block; making actors afterwards is for any thread. A reload opens the
// next generation beside the one in use and puts it in its place. An image is unmapped when nothing needs its
// code any more.
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
#include "base/heap_account.hpp"
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
  metrics::board* metrics = nullptr;                       // outlives the loader. Null: none
  behaviours::event_channels* events = nullptr;            // used while actors run. Null: none
};

// A loaded plugin, described by copied values.
struct loaded_plugin {
  std::string id;
  std::string version;
  std::string build_id;
  std::string file; // path of the plugin's file
  std::uint64_t generation = 0;
  std::vector<std::string> actors;
  std::uint64_t in_use = 0; // actors, buffers and threads that need its code
  base::heap::owner charged = base::heap::unknown;
};

class loader final : public runtime::actor_factory, public behaviours::pool_policies {
 public:
  explicit loader(loader_options options);
  ~loader() override;
  loader(const loader&) = delete;
  loader& operator=(const loader&) = delete;

  // Makes the folder for copies. Called before the first load(); does nothing once a file was copied. Blocks.
  base::status prepare();
  // Removes the copies of an earlier run that no load() has used. Blocks.
  void sweep();
  // Loads a plugin by its id. Does nothing if it is loaded already. errc::not_found: no such file in the
  // path; errc::refused: the file is unfit; the text is for its author. Blocks.
  base::status load(std::string_view plugin);
  // Takes a plugin out of use if no actor needs its code, so that the next load() reads its file anew.
  // Blocks.
  void release(std::string_view plugin);
  // Loads the plugin of "PLUGIN" or "PLUGIN:ACTOR" and checks that it has the actor. Blocks.
  base::status load_for(std::string_view actor);

  // The functions up to collect() are for one reload at a time, and collect() is for any thread that may
  // block. All of them block.
  //
  // Whether the file's contents differ from the code in use. errc::not_found: the plugin is not loaded, or
  // there is no file.
  base::result<bool> changed(const std::string& plugin) const;
  // Checks the file as it is now and loads it beside the generation in use, which goes on. Errors as for
  // load().
  base::result<std::unique_ptr<plugin_generation>> open_next(const std::string& plugin);
  // Restores these states with `next`, in another process. errc::refused, errc::timeout: not all were
  // restored.
  base::status try_states(const plugin_generation& next, const std::vector<trial_state>& states) const;
  // Puts these generations into use: make() uses them from now on.
  void promote(std::vector<std::unique_ptr<plugin_generation>> next);
  // Closes generations that will not be used after all.
  void discard(std::vector<std::unique_ptr<plugin_generation>> next);
  // Unmaps all code that is not needed any more. Returns the images that are left, and why.
  std::vector<kept_image> collect();

  // The remaining functions may be called by any thread, except where a comment says otherwise.
  std::vector<kept_image> kept() const; // as of the last collect()
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;
  std::uint64_t code_version() const override { return code_version_.load(std::memory_order_relaxed); }
  std::unique_ptr<behaviours::pool_policy> policy_of(const std::string& actor) override;
  std::vector<loaded_plugin> loaded() const;
  // Number of actors that the generation in use has made. 0: not loaded.
  std::uint64_t made(std::string_view plugin) const;
  // The JSON Schema of the args of "PLUGIN" or "PLUGIN:ACTOR", in the generation in use. Empty: any map.
  // errc::not_found: the plugin is not loaded, or has no such actor.
  base::result<std::string> args_schema(std::string_view actor) const;
  // Whether a loaded plugin's actor can be given other args while it runs.
  bool takes_config_change(std::string_view plugin, std::string_view actor) const;

  // Closes every image whose last actor is gone. Returns a sentence for each that stays, and why. The copies
  // in use stay for the next start. For shutdown.
  std::vector<std::string> unload();

 private:
  using entry = plugin_generation;

  base::result<std::string> find_file(std::string_view plugin) const;
  base::result<entry> open(const std::string& plugin, const std::string& file); // opening_ must be held
  // An actor's name, "PLUGIN:ACTOR" or "PLUGIN", with the code that it names.
  struct known_actor {
    std::string name;
    image* mapped;
    const host::actor_code* code;
  };
  using reading = base::striped_lock::reading;
  // lock_ must be held.
  entry* find(std::string_view plugin) const;
  base::result<known_actor> choose_actor(const std::string& name) const;
  // The answer is valid while `by` holds lock_.
  base::result<const known_actor*> actor_of(const std::string& name, const reading& by);
  void code_has_changed(); // all stripes of lock_ must be held
  // Returns why the image cannot be closed. Empty: it is closed, and its copy is removed unless copy_stays.
  std::string close(entry& one) const;

  loader_options options_;
  std::mutex opening_; // serialises opening and closing: an apply and a reload may come at once
  copy_folder copies_;
  std::map<std::string, std::uint64_t, std::less<>> generations_; // the last number of each plugin
  // Guards entries_ and the members below; never held while plugin code runs.
  mutable base::striped_lock lock_;
  std::vector<std::unique_ptr<entry>> entries_;
  std::vector<std::unique_ptr<entry>> former_; // former generations that are still mapped
  std::vector<kept_image> kept_;
  struct alignas(64) found_actors {
    std::vector<known_actor> all;
  };
  // A cache of names for each stripe, used with that stripe locked.
  std::array<found_actors, base::stripes> known_;
  std::atomic<std::uint64_t> code_version_{1};       // changes whenever entries_ does
  host::identity_book identities_{options_.metrics}; // identities of the actors of all images
};

// "PLUGIN:ACTOR" in two parts. "PLUGIN" alone means its actor of the same name, or its only actor.
struct actor_name {
  std::string_view plugin;
  std::string_view actor; // empty: not given
};
actor_name split(std::string_view text);
// The actor type that "PLUGIN" or "PLUGIN:ACTOR" means. errc::not_found lists the existing ones.
base::result<const manifest::actor_type*> choose(const manifest::manifest& declared, std::string_view actor);

} // namespace coppice::loader
