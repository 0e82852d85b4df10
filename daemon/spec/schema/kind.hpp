// SPDX-License-Identifier: MIT
// A kind of child in the configuration: the key under which its options stand, their rows, and the answers to
// questions that other code asks about the options of any kind: the args of actors, listeners, files of TLS,
// and checks. A kind is one object in a file of its own (kinds/), with a line in kinds/list.hpp;
// node/assembly turns its options into those of the engine. Immutable; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spec/schema/child_spec.hpp"
#include "spec/schema/type.hpp"

namespace coppice::manifest {
struct actor_type;
} // namespace coppice::manifest

namespace coppice::spec {

class child_check;
class kind;

// An address at which a child listens. Points into the child's options.
struct listener {
  std::string_view protocol; // "tcp" or "udp"
  std::string_view address;  // empty: `path` or `socket` is set
  std::uint16_t port = 0;    // 0: the kernel chooses one
  std::string_view path;
  std::string_view socket; // name of a socket that the service manager passes
  bool is_shared = false;  // the kernel lets several such sockets share an address and port
};

// An actor that a child, or a part of its options, names.
struct named_actor {
  const child_spec& child; // an empty one if the actor is not the child's own
  const manifest::actor_type& type;
  const node& name; // as it is written
  const node& at;   // the map that has it
  const kind* by;   // the kind whose options name it beside a child's own actor; null: none
};

class kind {
 public:
  // The form of a kind in place of an actor. `whom`: how a sentence names the child. `where`: the child's own
  // place for args and unhandled; empty: none.
  struct form {
    std::string_view whom;
    std::string_view where;
  };
  using use_args = std::function<void(const encoded_term&)>;
  using use_tls = std::function<void(const tls_spec&)>;
  using use_certificate = std::function<void(const named_certificate&)>;

  explicit kind(std::string_view its_key, std::optional<form> its_form = {})
      : key(its_key), in_place_of_actor(its_form) {}
  kind(const kind&) = delete;
  kind& operator=(const kind&) = delete;
  virtual ~kind() = default;

  const std::string_view key;
  const std::optional<form> in_place_of_actor; // none: it stands beside an actor

  virtual bool is_in(const child_spec&) const = 0;
  // The row of the kind's key, whose functions take a child_spec.
  virtual std::unique_ptr<row> make_row() const = 0;

  // The functions below are for a child that has the kind's options.
  // Whether the child is one process, which may have as long to stop as an actor.
  virtual bool is_one_actor(const child_spec&) const = 0;
  // Whether connections, or a program's output, come to its actors.
  virtual bool brings_streams() const { return false; }
  virtual void each_args(const child_spec&, const use_args&) const = 0;
  // In the order in which they are written under `listen`.
  virtual std::vector<listener> listeners(const child_spec&) const = 0;
  virtual void each_tls(const child_spec&, const use_tls&, const use_certificate&) const = 0;

  // Called when the child is read: checks its options against the other keys of the child.
  virtual void check_keys(reader&, const node& at, const child_spec&) const = 0;
  // Takes away keys of the child that could not be read back beside its options.
  virtual void prune(const child_spec&, json& child) const = 0;

  // Called when the whole file is read. `at`: the child's map.
  virtual void check(child_check&, child_spec&, const node& at) const = 0;
  // Called for each actor that the file names, for any kind: checks whether its class may stand there.
  virtual void check_class(child_check&, const named_actor&) const {}
  // Called once, after all children.
  virtual void finish(child_check&) const {}
};

// A kind whose options are an Options. The functions that take options are called only for children that
// have them.
template <class Options>
class kind_of : public kind {
 public:
  using table_function = const table<Options>& (*)();

  // `effect`: of a change of the options, unless their rows decide (`how` is by_key).
  kind_of(std::string_view its_key, std::optional<form> its_form, table_function rows,
          std::string_view sentence, compared how, change_effect effect = change_effect::restarts)
      : kind(its_key, its_form), rows_(rows), sentence_(sentence), how_(how), effect_(effect) {}

  bool is_in(const child_spec& child) const final { return child.find<Options>() != nullptr; }
  std::unique_ptr<row> make_row() const final { return std::make_unique<options_row>(*this); }
  bool is_one_actor(const child_spec& child) const final {
    const Options* const has = child.find<Options>();
    return has != nullptr && is_one_actor_with(*has);
  }
  void each_args(const child_spec& child, const use_args& use) const final {
    if (const Options* const has = child.find<Options>()) args_of(*has, use);
  }
  std::vector<listener> listeners(const child_spec& child) const final {
    const Options* const has = child.find<Options>();
    return has != nullptr ? listeners_of(*has) : std::vector<listener>();
  }
  void each_tls(const child_spec& child, const use_tls& tls, const use_certificate& one) const final {
    if (const Options* const has = child.find<Options>()) tls_of(*has, tls, one);
  }
  void check_keys(reader& from, const node& at, const child_spec& child) const final {
    if (const Options* const has = child.find<Options>()) check_keys_with(*has, from, at);
  }
  void prune(const child_spec& from, json& child) const final {
    if (const Options* const has = from.find<Options>()) prune_with(*has, child);
  }
  void check(child_check& with, child_spec& child, const node& at) const final {
    Options* const has = child.find<Options>();
    const node* const written = at.find(key);
    if (has != nullptr && written != nullptr && written->is_map())
      check_options(with, child, *has, at, *written);
  }

 protected:
  virtual bool is_one_actor_with(const Options&) const { return false; }
  virtual void args_of(const Options&, const use_args&) const {}
  virtual std::vector<listener> listeners_of(const Options&) const { return {}; }
  virtual void tls_of(const Options&, const use_tls&, const use_certificate&) const {}
  virtual void check_keys_with(const Options&, reader&, const node&) const {}
  virtual void prune_with(const Options&, json&) const {}
  // `written`: the map that the options were read from, in the child's map `at`.
  virtual void check_options(child_check&, child_spec&, Options&, const node&, const node&) const {}

 private:
  class options_row final : public row {
   public:
    explicit options_row(const kind_of& of)
        : row(of.key, available::now, of.sentence_), type_(of.rows_, of.how_) {
      effect = of.effect_;
    }
    bool read(reader& from, const node& value, void* into) const override {
      return type_.read(from, value, static_cast<child_spec*>(into)->options.get<Options>());
    }
    json print(const void* from) const override {
      const Options* const has = options_of(from);
      return has != nullptr ? type_.print(*has) : json(nullptr);
    }
    json describe(json& definitions) const override { return type_.describe(definitions); }
    // Options that come or go are a change of the key itself.
    void compare(const void* before, const void* after, std::string_view prefix,
                 changed_keys& to) const override {
      const Options *const old = options_of(before), *const now = options_of(after);
      if (old != nullptr && now != nullptr) return type_.compare(*old, *now, prefix, key, effect, to);
      if (old != now) to.of(effect).push_back(std::string(prefix).append(key));
    }
    bool is_live(std::string_view below) const override {
      return effect == change_effect::live || type_.is_live(below);
    }

   private:
    static const Options* options_of(const void* child) {
      return static_cast<const child_spec*>(child)->find<Options>();
    }

    section<Options> type_;
  };

  table_function rows_;
  std::string_view sentence_;
  compared how_;
  change_effect effect_;
};

} // namespace coppice::spec
