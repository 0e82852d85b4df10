// SPDX-License-Identifier: MIT
// See disk.hpp: names, writes and syncs. What a crash leaves is in disk_loss.cpp. A sync of a folder
// confirms only the changes of its names, as in POSIX: neither the contents of the files nor the folder's
// own name. A sync of a file confirms its contents and its size.
#include "disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "hosts.hpp"

namespace coppice::simulated {
namespace {

struct all_disks {
  std::array<host_disk, most_hosts> of;
  std::uint64_t entries = 0;
  std::uint64_t changes = 0;
};

all_disks& disks() {
  static auto* const all = new all_disks; // NOLINT: lives as long as the process
  return *all;
}

// Reads by the kernel, without the machine's functions in between.
std::string read_whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

entry_ptr read_folder(unsigned host, const std::filesystem::path& path) {
  const entry_ptr made = make_entry(host, true, 0700);
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) made->mode = info.st_mode & 07777;
  std::set<std::filesystem::path> sorted; // readdir's order is the real machine's
  for (const auto& one : std::filesystem::directory_iterator(path)) sorted.insert(one.path());
  for (const auto& one : sorted) {
    if (stat(one.c_str(), &info) != 0) continue;
    entry_ptr inside;
    if (S_ISDIR(info.st_mode)) inside = read_folder(host, one);
    if (S_ISREG(info.st_mode)) {
      inside = make_entry(host, false, info.st_mode & 07777);
      inside->contents = inside->synced = read_whole(one);
    }
    if (inside) made->names[one.filename()] = made->synced_names[one.filename()] = inside;
  }
  return made;
}

// Splits the path, which has no "." or "..", below the disk's root into parts. False: it is not below.
bool parts_below(const std::string& root, std::string_view path, std::vector<std::string>& out) {
  if (!path.starts_with(root)) return false;
  const std::string_view below = path.substr(root.size());
  if (!below.empty() && below.front() != '/') return false;
  for (std::size_t at = 0; at < below.size();) {
    const std::size_t end = std::min(below.find('/', at), below.size());
    if (end > at) out.emplace_back(below.substr(at, end - at));
    at = end + 1;
  }
  return true;
}

disk_place walk(entry_ptr folder, const std::vector<std::string>& parts) {
  if (parts.empty()) return {folder, ""};
  for (std::size_t at = 0; at + 1 < parts.size(); ++at) {
    const auto found = folder->names.find(parts[at]);
    if (found == folder->names.end() || !found->second->is_folder) return {};
    folder = found->second;
  }
  return {folder, parts.back()};
}

void apply(const name_change& what) {
  for (const name_change::part& one : what.parts) {
    if (one.to)
      one.folder->synced_names[one.name] = one.to;
    else
      one.folder->synced_names.erase(one.name);
  }
}

// A rename between folders also syncs the earlier changes of both folders.
void sync_names(host_disk& disk, const entry_ptr& folder) {
  std::vector<entry_ptr> concerned{folder};
  const auto concerns = [&concerned](const name_change& one) {
    return std::ranges::any_of(one.parts, [&concerned](const name_change::part& part) {
      return std::ranges::find(concerned, part.folder) != concerned.end();
    });
  };
  for (auto at = disk.name_changes.rbegin(); at != disk.name_changes.rend(); ++at)
    if (concerns(*at))
      for (const auto& part : at->parts) concerned.push_back(part.folder);
  for (auto at = disk.name_changes.begin(); at != disk.name_changes.end();) {
    const bool is_synced = concerns(*at);
    if (is_synced) apply(*at);
    at = is_synced ? disk.name_changes.erase(at) : std::next(at);
  }
}

// Linux marks pages as clean that it could not write: the lost bytes stay readable, and no later sync writes
// them.
void fail_sync(disk_entry& of) {
  for (const file_change& one : of.changes) keep_some(of.synced, one);
  of.changes.clear();
}

void add_change(disk_entry& to, file_change what) {
  keep_whole(to.contents, what);
  to.changes.push_back(std::move(what));
}

nanos length_of_sync(const host_disk& disk) {
  const nanos usual = one_in(40) ? draw_between(2 * millisecond, 100 * millisecond)
                                 : draw_between(20 * microsecond, 2 * millisecond);
  return usual + disk.slow;
}

} // namespace

void mount_disk(unsigned host, const std::string& folder) {
  host_disk& disk = disk_of(host);
  const std::filesystem::path real = std::filesystem::canonical(folder);
  disk = {};
  disk.root = read_folder(host, real);
  disk.named = std::filesystem::absolute(folder).lexically_normal();
  disk.path = real; // from here on changes below this path are recorded
}

host_disk& disk_of(unsigned host) {
  return disks().of.at(host);
}

void heal_disk(unsigned host) {
  host_disk& disk = disk_of(host);
  disk.full = false;
  disk.syncs_to_fail = 0;
  disk.slow = 0;
}

bool has_unsynced(unsigned host) {
  const host_disk& disk = disk_of(host);
  if (!disk.name_changes.empty()) return true;
  std::vector<const disk_entry*> left{disk.root.get()};
  while (!left.empty()) {
    const disk_entry& one = *left.back();
    left.pop_back();
    if (!one.changes.empty()) return true;
    for (const auto& [name, inside] : one.names) left.push_back(inside.get());
  }
  return false;
}

entry_ptr disk_place::entry() const {
  if (!folder || name.empty()) return folder;
  const auto found = folder->names.find(name);
  return found == folder->names.end() ? nullptr : found->second;
}

disk_place find_place(const char* path, const entry_ptr& above) {
  std::vector<std::string> parts;
  if (path[0] != '/' && above) {
    parts_below("", "/" + std::string(path), parts);
    return walk(above, parts);
  }
  std::filesystem::path whole(path);
  if (whole.is_relative()) {
    std::array<char, 4096> here{};
    if (getcwd(here.data(), here.size()) == nullptr) return {};
    whole = std::filesystem::path(here.data()) / whole;
  }
  const std::string plain = whole.lexically_normal();
  for (const host_disk& disk : disks().of) {
    if (disk.path.empty()) continue;
    if (parts_below(disk.path, plain, parts) || parts_below(disk.named, plain, parts))
      return walk(disk.root, parts);
  }
  return {};
}

entry_ptr make_entry(unsigned host, bool is_folder, mode_t mode) {
  auto made = std::make_shared<disk_entry>();
  made->number = ++disks().entries;
  made->is_folder = is_folder;
  made->host = host;
  made->mode = mode;
  return made;
}

void give_name(const disk_place& at, entry_ptr to) {
  at.folder->names[at.name] = to;
  disk_of(at.folder->host).name_changes.push_back({{{at.folder, at.name, std::move(to)}}});
}

void take_name(const disk_place& at) {
  if (at.folder->names.erase(at.name) > 0)
    disk_of(at.folder->host).name_changes.push_back({{{at.folder, at.name, nullptr}}});
}

void move_name(const disk_place& from, const disk_place& to) {
  const entry_ptr moved = from.entry();
  if (moved == to.entry()) return; // both are names of one file: rename(2) does nothing
  from.folder->names.erase(from.name);
  to.folder->names[to.name] = moved;
  disk_of(to.folder->host)
      .name_changes.push_back({{{from.folder, from.name, nullptr}, {to.folder, to.name, moved}}});
}

void note_write(disk_entry& to, std::uint64_t offset, std::string_view bytes) {
  if (to.gone || bytes.empty()) return;
  note_bytes("written", bytes.data(), bytes.size());
  add_change(to, {++disks().changes, file_change::kind::write, offset, std::string(bytes)});
}

void note_size(disk_entry& of, file_change::kind what, std::uint64_t size) {
  if (of.gone) return;
  note("size", of.number, size);
  add_change(of, {++disks().changes, what, size, {}});
}

int sync_entry(const entry_ptr& which) {
  host_disk& disk = disk_of(which->host);
  const std::uint64_t last = disks().changes;
  // A change that a thread makes while the disk works is not part of this sync.
  ++disk.syncing;
  wait(nullptr, now() + length_of_sync(disk));
  if (which->gone) return EIO;
  --disk.syncing;
  const bool fails = disk.syncs_to_fail > 0;
  note(fails ? "sync fails" : "sync", which->host, which->number);
  if (fails) {
    --disk.syncs_to_fail;
    fail_sync(*which);
    return EIO;
  }
  if (which->is_folder) sync_names(disk, which);
  const auto later =
      std::ranges::find_if(which->changes, [last](const file_change& one) { return one.number > last; });
  for (auto at = which->changes.begin(); at != later; ++at) keep_whole(which->synced, *at);
  which->changes.erase(which->changes.begin(), later);
  return 0;
}

} // namespace coppice::simulated
