// What file system lies on a device, by /proc/self/mountinfo, which is read for each device at most
// once a second. Any thread.
//
// The files of btrfs and overlayfs have device numbers that aren't there: those are kOther.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "unique_fd.h"

namespace ringpost {

enum class FileSystem : uint8_t {
  kLocal,   // ext2 to ext4, xfs or f2fs: this machine's kernel opens a file without asking anybody
  kServed,  // another process has the files (FUSE), or the machine's host by the same code
            // (virtiofs)
  kRemote,  // another machine has them: an open asks it
  kOther,   // or none that is mounted
};

FileSystem FileSystemOf(dev_t device);

// Tells whether anything was mounted or unmounted. One thread's.
class Mounts {
 public:
  Mounts();

  // Since the last time it was asked; the first time, and where it can't be found out, it says so.
  // One system call.
  [[nodiscard]] bool HaveChanged();
  // What has changed couldn't be looked at: the next answer is yes.
  void AskAgain() { asked_ = false; }

 private:
  UniqueFd list_;
  bool asked_ = false;
};

// Of which kinds some are mounted: KindBit of each. Returns false where that can't be found out.
// Reads the file: some microseconds, and one more for each mount.
[[nodiscard]] bool MountedKinds(uint32_t* kinds);
constexpr uint32_t KindBit(FileSystem kind) { return 1u << static_cast<uint32_t>(kind); }

// Of a line of that file: kOther where it is about another device.
FileSystem FileSystemOfMount(const char* line, dev_t device);

}  // namespace ringpost
