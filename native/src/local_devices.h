// On which devices a file system of this machine's kernel lies, which opens a file without asking
// anybody. Any thread.
#pragma once

#include <sys/types.h>

namespace ringpost {

// Whether it is ext2 to ext4, xfs or f2fs, by /proc/self/mountinfo, which is read once for each
// device, and anew when something was mounted or unmounted. False of btrfs and overlayfs, whose
// files have device numbers that aren't there.
bool OpensAtOnce(dev_t device);

// Whether a line of that file is of such a file system on the device.
bool IsLocalMount(const char* line, dev_t device);

}  // namespace ringpost
