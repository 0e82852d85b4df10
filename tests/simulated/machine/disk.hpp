// SPDX-License-Identifier: MIT
// The disks of the hosts. What a host writes goes into real files, which stand for the kernel's page cache.
// Beside them this keeps, for each file and each folder of a host, what a crash of the host would leave: the
// bytes and names of the last sync, and each change since. The seed decides at a crash which of those changes
// are on the disk. The functions of libc that reach it are in files.cpp. The baton's holder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine.hpp"

namespace coppice::simulated {

inline constexpr std::size_t sector = 512; // bytes that are on the disk all or not at all

// A change of a file's contents that no sync has confirmed.
struct file_change {
  enum class kind : std::uint8_t { write, cut, reserve };
  std::uint64_t number = 0; // in the order of the whole machine
  kind what = kind::write;
  std::uint64_t offset = 0; // of a write; the new size of a cut or reservation
  std::string bytes;        // of a write
};

// A file or a folder. It lives as long as a name, a descriptor or a change has it.
struct disk_entry {
  std::uint64_t number = 0;
  bool is_folder = false;
  bool gone = false; // of a host's life before a crash: nothing that is done to it counts any more
  unsigned host = 0;
  mode_t mode = 0;
  std::string contents; // the file's bytes for a reader; what a failed sync has lost is still in them
  std::string synced;   // the file's bytes on the disk
  std::vector<file_change> changes;
  std::map<std::string, std::shared_ptr<disk_entry>> names;        // in the folder
  std::map<std::string, std::shared_ptr<disk_entry>> synced_names; // of the folder, on the disk
};
using entry_ptr = std::shared_ptr<disk_entry>;

// A name that was given, taken away, or both at once (a rename).
struct name_change {
  struct part {
    entry_ptr folder;
    std::string name;
    entry_ptr to; // null: the name is taken away
  };
  std::vector<part> parts;
};

struct host_disk {
  std::string path;  // absolute, as realpath gives it; empty: the host has no disk
  std::string named; // absolute, as it was mounted
  entry_ptr root;
  std::list<name_change> name_changes; // that no sync has confirmed, in their order
  bool full = false;                   // no file can become longer
  unsigned syncs_to_fail = 0;          // of the next ones
  nanos slow = 0;                      // how much longer each sync takes
  unsigned syncing = 0;                // syncs under way
};

// The host's disk is that folder. What is there is on the disk.
void mount_disk(unsigned host, const std::string& folder);
host_disk& disk_of(unsigned host);
// It has room, and syncs as it should.
void heal_disk(unsigned host);

// The host has lost its power, its threads run no more and its files are closed: its folder becomes what the
// seed leaves of it. The run ends if the folder is not what was done to it by the machine's functions.
void lose_unsynced(unsigned host);
// Whether there are changes that a crash could lose.
bool has_unsynced(unsigned host);

// A name in a folder of a host's disk. `folder` null: the path is on no disk.
struct disk_place {
  entry_ptr folder;
  std::string name; // empty: the folder is the disk's root
  // The entry of that name; null: there is none.
  entry_ptr entry() const;
};
// `above`: the folder that a relative path begins at; null: the working folder.
disk_place find_place(const char* path, const entry_ptr& above = nullptr);
entry_ptr make_entry(unsigned host, bool is_folder, mode_t mode);
void give_name(const disk_place& at, entry_ptr to);
void take_name(const disk_place& at);
void move_name(const disk_place& from, const disk_place& to);

void note_write(disk_entry& to, std::uint64_t offset, std::string_view bytes);
void note_size(disk_entry& of, file_change::kind what, std::uint64_t size);
// fsync of a file or folder. Takes time. 0, or EIO.
int sync_entry(const entry_ptr& which);

// Applies what the seed lets through of a change to what is on the disk.
void keep_some(std::string& disk, const file_change& of);
// Applies all of it, to what is on the disk or to what a reader gets.
void keep_whole(std::string& bytes, const file_change& of);

} // namespace coppice::simulated
