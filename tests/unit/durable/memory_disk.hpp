// SPDX-License-Identifier: MIT
// A disk in memory that behaves as badly as a real one may. A crash keeps any part of what was not synced, in
// sectors of 512 bytes, and leaves zeros in place of the other sectors up to the synced size of the file. A
// failed fsync drops pages and marks them clean. The disk can become full in the middle of a write or a
// reservation. Any operation can fail, or be the last one before the crash.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "durable/disk.hpp"

namespace coppice::test {

class memory_disk final : public durable::disk {
 public:
  enum class fault { none, fails, crashes };

  static constexpr std::size_t sector = 512;

  // The operation number `in` from now on (0: the next one) does not happen, or in part only. If it
  // `crashes`, no later operation happens until crash() is called.
  void plan(std::uint64_t in, fault what) {
    planned_at_ = operations + in;
    planned_ = what;
  }
  std::atomic<std::uint64_t> capacity = ~std::uint64_t{0}; // tests may set it while the log writes
  bool can_reserve = true;                                 // false: reserve() is errc::unsupported
  std::uint64_t operations = 0;
  std::uint64_t file_syncs = 0;
  std::uint64_t size_syncs = 0; // syncs that had to write a changed size, too
  std::uint64_t most_used = 0;
  std::function<void()> before_sync = [] {};
  // Files opened from now on report this size.
  std::map<std::string, std::uint64_t> claimed_size;

  // Power is lost: any part of what was not synced is left. Open files are gone.
  void crash(std::mt19937_64& with) {
    ++life_;
    is_dead_ = false;
    planned_ = fault::none;
    locked_.clear();
    names_ = synced_names_;
    for (const auto& change : name_changes_)
      if (with() % 2 == 0) change(names_);
    name_changes_.clear();
    for (auto& [name, of] : names_) lose(*of, with);
    synced_names_ = names_;
  }
  // From now on no operation happens, until crash() or kill().
  void power_off() { is_dead_ = true; }
  bool has_no_power() const { return is_dead_; }
  // The process is killed: what was written is still there, and still not synced.
  void kill() {
    ++life_;
    is_dead_ = false;
    planned_ = fault::none;
    locked_.clear();
  }

  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& [name, of] : names_) out.push_back(name);
    return out;
  }
  std::string& content(const std::string& name) { return names_.at(name)->now; }
  bool has(const std::string& name) const { return names_.contains(name); }
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [name, of] : names_) sum += of->now.size();
    return sum;
  }

  base::result<std::unique_ptr<durable::file>> open(const std::string& path, durable::access how) override {
    const auto found = names_.find(path);
    if (how != durable::access::create) {
      if (found == names_.end()) return base::fail(base::errc::not_found, "open " + path + ": no such file");
      auto opened = std::make_unique<memory_file>(*this, found->second);
      if (const auto claimed = claimed_size.find(path); claimed != claimed_size.end())
        opened->claimed = claimed->second;
      return opened;
    }
    if (found != names_.end()) return base::fail(base::errc::exists, "open " + path + ": there is one");
    if (auto may = act(); !may) return unexpected(std::move(may.error()));
    auto made = std::make_shared<inode>();
    rename_all([path, made](names& in) { in[path] = made; });
    return std::make_unique<memory_file>(*this, made);
  }
  base::result<std::vector<std::string>> list(const std::string& folder) override {
    std::vector<std::string> out;
    for (const auto& [name, of] : names_)
      if (name.starts_with(folder + "/")) out.push_back(name.substr(folder.size() + 1));
    return out;
  }
  base::result<std::unique_ptr<durable::held_folder>> open_folder(const std::string&) override {
    return std::make_unique<memory_folder>(*this);
  }
  base::status remove(const std::string& path) override {
    if (!names_.contains(path)) return base::fail(base::errc::not_found, "remove " + path + ": no such file");
    if (auto may = act(); !may) return may;
    rename_all([path](names& in) { in.erase(path); });
    return {};
  }
  base::status rename(const std::string& from, const std::string& to) override {
    if (auto may = act(); !may) return may;
    const auto moved = names_.at(from);
    rename_all([from, to, moved](names& in) {
      in.erase(from);
      in[to] = moved;
    });
    return {};
  }
  base::result<std::unique_ptr<durable::held_lock>> lock(const std::string& path) override {
    if (!locked_.insert(path).second) return base::fail(base::errc::refused, "lock " + path + ": held");
    return std::make_unique<memory_lock>(*this, path);
  }

 private:
  struct inode {
    std::string now;             // the bytes that a reader gets
    std::string safe;            // the bytes that a crash leaves
    std::set<std::size_t> dirty; // sectors of `now` that a sync writes
    std::string uncut;           // `now` before it was cut, until that is synced
  };
  using names = std::map<std::string, std::shared_ptr<inode>>;

  class memory_folder final : public durable::held_folder {
   public:
    explicit memory_folder(memory_disk& of) : of_(of) {}
    base::status sync() override {
      if (auto may = of_.act(); !may) return may;
      of_.synced_names_ = of_.names_;
      of_.name_changes_.clear();
      return {};
    }

   private:
    memory_disk& of_;
  };

  class memory_lock final : public durable::held_lock {
   public:
    memory_lock(memory_disk& of, std::string path) : of_(of), path_(std::move(path)), life_(of.life_) {}
    ~memory_lock() override {
      if (life_ == of_.life_) of_.locked_.erase(path_);
    }

   private:
    memory_disk& of_;
    std::string path_;
    std::uint64_t life_;
  };

  class memory_file final : public durable::file {
   public:
    memory_file(memory_disk& on, std::shared_ptr<inode> of) : on_(on), of_(std::move(of)) {}
    base::result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
      const std::lock_guard hold(on_.mutex_);
      ++on_.reads;
      if (const auto bad = on_.unreadable.find(of_.get()); bad != on_.unreadable.end() &&
                                                           offset < bad->second.second &&
                                                           offset + into.size() > bad->second.first)
        return base::fail(base::errc::system, "read: input/output error");
      if (offset >= of_->now.size()) return 0;
      const std::size_t count = std::min<std::size_t>(into.size(), of_->now.size() - offset);
      std::copy_n(of_->now.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
      return count;
    }
    base::status write(std::uint64_t offset, base::bytes_span bytes) override {
      const std::lock_guard hold(on_.mutex_);
      const std::size_t partly = on_.is_dead_ ? 0 : bytes.size() / 2;
      if (auto may = on_.act(); !may) {
        put(offset, bytes.first(partly));
        return may;
      }
      const std::uint64_t grows =
          offset + bytes.size() > of_->now.size() ? offset + bytes.size() - of_->now.size() : 0;
      const std::uint64_t room = on_.capacity;
      const std::uint64_t free = room - std::min(room, on_.used());
      if (grows > free) {
        put(offset, bytes.first(std::min<std::size_t>(bytes.size(), bytes.size() - grows + free)));
        return base::fail(base::errc::limit, "write: no space left on device");
      }
      put(offset, bytes);
      on_.most_used = std::max(on_.most_used, on_.used());
      return {};
    }
    base::status sync() override {
      on_.before_sync();
      const std::lock_guard hold(on_.mutex_);
      if (auto may = on_.act(); !may) {
        // As in Linux: the pages are clean now, and their bytes are lost. If the power fails, some of them
        // may be on the disk.
        if (!on_.is_dead_) of_->dirty.clear();
        return may;
      }
      ++on_.file_syncs;
      if (of_->safe.size() != of_->now.size()) ++on_.size_syncs;
      of_->safe.resize(of_->now.size());
      for (const std::size_t at : of_->dirty) copy_sector(*of_, at);
      of_->dirty.clear();
      of_->uncut.clear();
      return {};
    }
    base::status resize(std::uint64_t size) override {
      const std::lock_guard hold(on_.mutex_);
      if (auto may = on_.act(); !may) return may;
      if (size < of_->now.size() && of_->uncut.empty()) of_->uncut = of_->now;
      of_->now.resize(size);
      return {};
    }
    base::status reserve(std::uint64_t size) override {
      const std::lock_guard hold(on_.mutex_);
      if (!on_.can_reserve) return base::fail(base::errc::unsupported, "reserve: not supported");
      if (auto may = on_.act(); !may) return may;
      if (size <= of_->now.size()) return {};
      const std::uint64_t grows = size - of_->now.size();
      const std::uint64_t room = on_.capacity;
      const std::uint64_t free = room - std::min(room, on_.used());
      of_->now.resize(of_->now.size() + std::min(grows, free)); // ext4 keeps the part that it could allocate
      if (grows > free) return base::fail(base::errc::limit, "reserve: no space left on device");
      on_.most_used = std::max(on_.most_used, on_.used());
      return {};
    }
    base::result<std::uint64_t> size() const override { return claimed.value_or(of_->now.size()); }
    std::optional<std::uint64_t> claimed;

   private:
    void put(std::uint64_t offset, base::bytes_span bytes) {
      if (bytes.empty()) return;
      if (of_->now.size() < offset + bytes.size()) of_->now.resize(offset + bytes.size());
      std::copy(bytes.begin(), bytes.end(), of_->now.begin() + static_cast<std::ptrdiff_t>(offset));
      for (std::size_t at = offset / sector; at * sector < offset + bytes.size(); ++at) of_->dirty.insert(at);
    }
    memory_disk& on_;
    std::shared_ptr<inode> of_;
  };

  static void copy_sector(inode& of, std::size_t at) {
    const std::size_t begin = at * sector;
    const std::size_t end = std::min({begin + sector, of.now.size(), of.safe.size()});
    for (std::size_t i = begin; i < end; ++i) of.safe[i] = of.now[i];
  }
  static void lose(inode& of, std::mt19937_64& with) {
    // The cut is lost, and the bytes are still there.
    if (!of.uncut.empty() && with() % 2 == 0) of.now = of.uncut;
    of.uncut.clear();
    const std::size_t low = std::min(of.safe.size(), of.now.size());
    const std::size_t high = std::max(of.safe.size(), of.now.size());
    switch (with() % 3) {
      case 0:
        break;
      case 1:
        of.safe.resize(of.now.size());
        break;
      default:
        of.safe.resize(low + with() % (high - low + 1));
    }
    for (const std::size_t at : of.dirty)
      if (with() % 2 == 0) copy_sector(of, at);
    of.now = of.safe;
    of.dirty.clear();
  }

  base::status act() {
    if (is_dead_) return base::fail(base::errc::system, "no power");
    const std::uint64_t at = operations++;
    if (planned_ == fault::none || at != planned_at_) return {};
    is_dead_ = planned_ == fault::crashes;
    planned_ = fault::none;
    return base::fail(base::errc::system, "input/output error");
  }
  template <class Change>
  void rename_all(Change change) {
    change(names_);
    name_changes_.push_back(change);
  }

  std::mutex mutex_;
  names names_;
  names synced_names_;
  std::vector<std::function<void(names&)>> name_changes_;
  std::set<std::string> locked_;
  std::uint64_t life_ = 0;
  std::uint64_t planned_at_ = 0;
  fault planned_ = fault::none;
  bool is_dead_ = false;

 public:
  std::uint64_t reads = 0; // of files
  // Files, and the range of offsets in which reading fails.
  std::map<const inode*, std::pair<std::uint64_t, std::uint64_t>> unreadable;
  void make_unreadable(const std::string& name, std::uint64_t from = 0,
                       std::uint64_t to = ~std::uint64_t{0}) {
    unreadable[names_.at(name).get()] = {from, to};
  }
};

} // namespace coppice::test
