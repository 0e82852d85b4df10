// SPDX-License-Identifier: MIT
// What a crash leaves of a disk, see disk.hpp. Changes of names reach the disk in their order, as in a
// journal, so the seed draws how many of them did. Of each file's changes it keeps all, none, or decides for
// each change: whole, in some of its sectors, or not at all. A later change may be there without an earlier
// one. The real folder is then made anew from the result.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "disk.hpp"

namespace coppice::simulated {
namespace {

namespace fs = std::filesystem;

void make_at_least(std::string& disk, std::uint64_t size) {
  if (disk.size() < size) disk.resize(size, '\0');
}

void put(std::string& disk, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  make_at_least(disk, offset + bytes.size());
  disk.replace(offset, bytes.size(), bytes);
}

// Keeps each sector or loses it by itself. The file may have grown even if the bytes were lost.
void put_torn(std::string& disk, const file_change& of) {
  const std::uint64_t end = of.offset + of.bytes.size();
  for (std::uint64_t at = of.offset; at < end;) {
    const std::uint64_t next = std::min(end, (at / sector + 1) * sector);
    if (one_in(2)) put(disk, at, std::string_view(of.bytes).substr(at - of.offset, next - at));
    at = next;
  }
  if (one_in(2)) make_at_least(disk, end);
}

void lose_names(host_disk& disk) {
  const std::size_t count = disk.name_changes.size();
  const std::uint64_t how = draw_below(4);
  const std::size_t kept = how == 0 ? 0 : how == 1 ? count : draw_below(count + 1);
  auto at = disk.name_changes.begin();
  for (std::size_t i = 0; i < kept; ++i, ++at)
    for (const name_change::part& one : at->parts) {
      if (one.to)
        one.folder->synced_names[one.name] = one.to;
      else
        one.folder->synced_names.erase(one.name);
    }
  if (count > 0) note("names kept", kept, count);
}

void lose_contents(disk_entry& file) {
  if (file.changes.empty()) return;
  const std::uint64_t how = draw_below(4);
  note("contents", file.number, how);
  for (const file_change& one : file.changes) {
    if (how == 0) keep_whole(file.synced, one);
    if (how >= 2) keep_some(file.synced, one);
  }
}

void collect(const entry_ptr& from, std::map<std::uint64_t, entry_ptr>& into) {
  if (!into.emplace(from->number, from).second) return;
  for (const auto& [name, inside] : from->names) collect(inside, into);
  for (const auto& [name, inside] : from->synced_names) collect(inside, into);
}

std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Notes the modes. The run ends if the folder differs from the records of the machine's functions.
void compare(const entry_ptr& with, const fs::path& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || S_ISDIR(info.st_mode) != with->is_folder)
    give_up(fmt::format("the simulated disk lost sight of {}", path.string()));
  with->mode = info.st_mode & 07777;
  if (!with->is_folder) {
    if ((with->mode & S_IRUSR) != 0 && read_whole(path) != with->contents)
      give_up(fmt::format("the simulated disk does not know what was written to {}", path.string()));
    return;
  }
  for (const auto& [name, inside] : with->names) compare(inside, path / name);
  for (const auto& one : fs::directory_iterator(path))
    if ((one.is_directory() || one.is_regular_file()) && !one.is_symlink() &&
        !with->names.contains(one.path().filename()))
      give_up(fmt::format("the simulated disk does not know {}", one.path().string()));
}

// Makes the entry of the host's next life, with the real file. A file with two names is made once.
entry_ptr make_real(const entry_ptr& from, const fs::path& path,
                    std::map<const disk_entry*, std::pair<entry_ptr, fs::path>>& made) {
  if (const auto found = made.find(from.get()); found != made.end() && !from->is_folder) {
    fs::create_hard_link(found->second.second, path);
    return found->second.first;
  }
  const entry_ptr fresh = make_entry(from->host, from->is_folder, from->mode);
  made[from.get()] = {fresh, path};
  if (from->is_folder) {
    fs::create_directories(path);
    for (const auto& [name, inside] : from->synced_names)
      fresh->names[name] = fresh->synced_names[name] = make_real(inside, path / name, made);
  } else {
    fresh->contents = fresh->synced = from->synced;
    std::ofstream(path, std::ios::binary) << fresh->synced;
  }
  ::chmod(path.c_str(), fresh->mode);
  return fresh;
}

} // namespace

void keep_whole(std::string& bytes, const file_change& of) {
  switch (of.what) {
    case file_change::kind::write:
      return put(bytes, of.offset, of.bytes);
    case file_change::kind::cut:
      return bytes.resize(of.offset, '\0');
    case file_change::kind::reserve:
      return make_at_least(bytes, of.offset);
  }
}

void keep_some(std::string& disk, const file_change& of) {
  const std::uint64_t how = draw_below(3);
  if (how == 0) return;
  if (how == 1 || of.what == file_change::kind::cut) return keep_whole(disk, of);
  if (of.what == file_change::kind::write) return put_torn(disk, of);
  if (of.offset > disk.size()) make_at_least(disk, disk.size() + draw_below(of.offset - disk.size() + 1));
}

void lose_unsynced(unsigned host) {
  host_disk& disk = disk_of(host);
  if (disk.path.empty()) return;
  const std::string path = std::exchange(disk.path, ""); // changes made here are not recorded
  compare(disk.root, path);
  lose_names(disk);
  std::map<std::uint64_t, entry_ptr> all;
  collect(disk.root, all);
  for (const auto& [number, one] : all) lose_contents(*one);
  for (const auto& one : fs::directory_iterator(path)) fs::remove_all(one.path());
  std::map<const disk_entry*, std::pair<entry_ptr, fs::path>> made;
  const entry_ptr root = make_real(disk.root, path, made);
  for (const auto& [number, one] : all) {
    one->gone = true;
    one->names.clear(); // breaks cycles of shared pointers
    one->synced_names.clear();
  }
  std::string named = std::move(disk.named);
  disk = {};
  disk.root = root;
  disk.named = std::move(named);
  disk.path = path;
}

} // namespace coppice::simulated
