// Facts of the kernel's io_uring ABI (include/uapi/linux/io_uring.h), mirrored here because the
// system's header may be older than the kernel we run on. What the system's header does have is
// checked against this one at compile time.
#pragma once

#include <linux/io_uring.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
#include <linux/time_types.h>
#endif

#include <cstddef>
#include <cstdint>

#include "protocol.h"

namespace ringpost::abi {

// Submission queue entry. Only the fields that ringpost uses have names; unions of the kernel's
// struct that share a place share a field here.
struct Sqe {
  uint8_t opcode;
  uint8_t flags;
  uint16_t io_priority;
  int32_t fd;
  uint64_t offset;     // or addr2: where statx puts its result
  uint64_t address;    // buffer, iovecs, path, or the user_data to cancel
  uint32_t length;     // bytes, iovecs, file mode, statx mask
  uint32_t op_flags;   // rw_flags, fsync_flags, open_flags, statx_flags, poll events, cancel flags
  uint64_t user_data;  // comes back in the completion
  uint16_t buffer_index;
  uint16_t personality;
  int32_t file_index;  // or splice_fd_in
  uint64_t address3;
  uint64_t reserved;
};

// A pointer as submissions have it.
inline uint64_t Address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

struct Cqe {
  uint64_t user_data;
  int32_t result;
  uint32_t flags;
};

// Argument of io_uring_enter with kEnterExtArg, since Linux 5.11.
struct GeteventsArg {
  uint64_t sigmask;
  uint32_t sigmask_size;
  uint32_t min_wait_us;  // since Linux 6.12; padding before
  uint64_t timespec;
};

// struct open_how of include/uapi/linux/openat2.h.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};
constexpr uint64_t kResolveCached = 0x20;  // Linux 5.12

// __kernel_timespec of include/uapi/linux/time_types.h.
struct Timespec {
  int64_t seconds;
  int64_t ns;
};

struct ProbeOp {
  uint8_t opcode;
  uint8_t reserved;
  uint16_t flags;
  uint32_t reserved2;
};

// Which operations there are, since Linux 5.6.
struct Probe {
  uint8_t last_opcode;
  uint8_t count;
  uint16_t reserved;
  uint32_t reserved2[3];
  ProbeOp operations[256];
};

struct RsrcRegister {
  uint32_t count;
  uint32_t flags;
  uint64_t reserved;
  uint64_t data;
  uint64_t tags;
};

struct RsrcUpdate2 {
  uint32_t offset;
  uint32_t reserved;
  uint64_t data;
  uint64_t tags;
  uint32_t count;
  uint32_t reserved2;
};

// Register or unregister the ring's own descriptor, since Linux 5.18.
struct RingFdUpdate {
  uint32_t offset;
  uint32_t reserved;
  uint64_t data;
};

// struct io_uring_restriction: what is allowed, since Linux 5.10.
struct Restriction {
  uint16_t kind;
  uint8_t which;  // register opcode, submission opcode, or flags of submissions
  uint8_t reserved = 0;
  uint32_t reserved2[3] = {};
};
inline constexpr uint16_t kRestrictRegisterOp = 0;
inline constexpr uint16_t kRestrictSqeOp = 1;
inline constexpr uint16_t kRestrictSqeFlags = 2;

inline constexpr uint32_t kSetupIopoll = 1u << 0;
inline constexpr uint32_t kSetupSqpoll = 1u << 1;
inline constexpr uint32_t kSetupSqAff = 1u << 2;
inline constexpr uint32_t kSetupCqsize = 1u << 3;
inline constexpr uint32_t kSetupClamp = 1u << 4;          // since Linux 5.6
inline constexpr uint32_t kSetupRDisabled = 1u << 6;      // since Linux 5.10
inline constexpr uint32_t kSetupSubmitAll = 1u << 7;      // since Linux 5.18
inline constexpr uint32_t kSetupCoopTaskrun = 1u << 8;    // since Linux 5.19
inline constexpr uint32_t kSetupTaskrunFlag = 1u << 9;    // since Linux 5.19
inline constexpr uint32_t kSetupSingleIssuer = 1u << 12;  // since Linux 6.0
inline constexpr uint32_t kSetupDeferTaskrun = 1u << 13;  // since Linux 6.1
inline constexpr uint32_t kSetupNoSqarray = 1u << 16;     // since Linux 6.6

inline constexpr uint32_t kFeatSingleMmap = 1u << 0;      // since Linux 5.4
inline constexpr uint32_t kFeatNodrop = 1u << 1;          // since Linux 5.5
inline constexpr uint32_t kFeatSubmitStable = 1u << 2;    // since Linux 5.5
inline constexpr uint32_t kFeatRwCurPos = 1u << 3;        // since Linux 5.6
inline constexpr uint32_t kFeatSqpollNonfixed = 1u << 7;  // since Linux 5.11
inline constexpr uint32_t kFeatExtArg = 1u << 8;          // since Linux 5.11
inline constexpr uint32_t kFeatRsrcTags = 1u << 10;       // since Linux 5.13
inline constexpr uint32_t kFeatMinTimeout = 1u << 15;     // since Linux 6.12
inline constexpr uint32_t kFeatNoIowait = 1u << 17;       // since Linux 6.15

inline constexpr uint8_t kSqeFixedFile = 1u << 0;  // since Linux 5.1
inline constexpr uint8_t kSqeAsync = 1u << 4;      // since Linux 5.6

// An open into the ring's own table: the kernel picks a free place, and says which. Since Linux
// 5.19.
inline constexpr int32_t kFileIndexAlloc = -1;
inline constexpr uint32_t kSpliceFdInFixed = 1u << 31;  // since Linux 5.7

inline constexpr uint32_t kEnterGetevents = 1u << 0;
inline constexpr uint32_t kEnterSqWakeup = 1u << 1;
inline constexpr uint32_t kEnterSqWait = 1u << 2;          // since Linux 5.10
inline constexpr uint32_t kEnterExtArg = 1u << 3;          // since Linux 5.11
inline constexpr uint32_t kEnterRegisteredRing = 1u << 4;  // since Linux 5.18
inline constexpr uint32_t kEnterNoIowait = 1u << 7;        // since Linux 6.15

// Most registered buffers (IORING_MAX_REG_BUFFERS of io_uring/rsrc.c).
inline constexpr uint32_t kMaxBuffers = 1u << 14;
inline constexpr uint32_t kRegisterProbe = 8;  // since Linux 5.6
inline constexpr uint16_t kOpSupported = 1u << 0;
inline constexpr uint32_t kRegisterRestrictions = 11;     // since Linux 5.10
inline constexpr uint32_t kRegisterEnableRings = 12;      // since Linux 5.10
inline constexpr uint32_t kRegisterFiles2 = 13;           // since Linux 5.13
inline constexpr uint32_t kRegisterBuffers2 = 15;         // since Linux 5.13
inline constexpr uint32_t kRegisterBuffersUpdate = 16;    // since Linux 5.13
inline constexpr uint32_t kRegisterIowqMaxWorkers = 19;   // since Linux 5.15
inline constexpr uint32_t kRegisterRingFds = 20;          // since Linux 5.18
inline constexpr uint32_t kUnregisterRingFds = 21;        // since Linux 5.18
inline constexpr uint32_t kRsrcRegisterSparse = 1u << 0;  // since Linux 5.19

inline constexpr uint32_t kSqNeedWakeup = 1u << 0;
inline constexpr uint32_t kSqCqOverflow = 1u << 1;  // since Linux 5.8
inline constexpr uint32_t kSqTaskrun = 1u << 2;     // since Linux 5.19

inline constexpr uint32_t kCqeMore = 1u << 1;       // since Linux 5.13
inline constexpr uint32_t kPollAddMulti = 1u << 0;  // since Linux 5.13
inline constexpr uint32_t kFsyncDatasync = 1u << 0;

// P_PIDFD of include/uapi/linux/wait.h, since Linux 5.4.
inline constexpr uint32_t kIdIsPidfd = 3;

// FUTEX2_* of include/uapi/linux/futex.h, since Linux 6.7.
inline constexpr int32_t kFutexSizeU32 = 0x02;
inline constexpr int32_t kFutexPrivate = 0x80;
inline constexpr uint64_t kFutexMatchAny = 0xffff'ffff;

inline constexpr uint64_t kOffSqRing = 0;
inline constexpr uint64_t kOffSqes = 0x10000000;

// Operations: kOpNop and the like. packages/protocol has their numbers (ring-operations.ts), and
// the kernel that each is of (operations.ts).
using namespace protocol::ring_operation;

// The mirrored structs against the kernel's.
static_assert(sizeof(Sqe) == 64 && sizeof(Sqe) == sizeof(io_uring_sqe));
static_assert(sizeof(Cqe) == 16 && offsetof(Cqe, result) == offsetof(io_uring_cqe, res) &&
              offsetof(Cqe, flags) == offsetof(io_uring_cqe, flags));
static_assert(offsetof(Sqe, io_priority) == offsetof(io_uring_sqe, ioprio));
static_assert(offsetof(Sqe, fd) == offsetof(io_uring_sqe, fd));
static_assert(offsetof(Sqe, offset) == offsetof(io_uring_sqe, off));
static_assert(offsetof(Sqe, address) == offsetof(io_uring_sqe, addr));
static_assert(offsetof(Sqe, length) == offsetof(io_uring_sqe, len));
static_assert(offsetof(Sqe, op_flags) == offsetof(io_uring_sqe, rw_flags));
static_assert(offsetof(Sqe, user_data) == offsetof(io_uring_sqe, user_data));
static_assert(offsetof(Sqe, buffer_index) == offsetof(io_uring_sqe, buf_index));

// The numbers against the system's header, each from the version of the header on that has it.
static_assert(kSetupSqpoll == IORING_SETUP_SQPOLL && kSetupSqAff == IORING_SETUP_SQ_AFF);
static_assert(kEnterSqWakeup == IORING_ENTER_SQ_WAKEUP && kSqNeedWakeup == IORING_SQ_NEED_WAKEUP);
static_assert(kSetupIopoll == IORING_SETUP_IOPOLL && kSetupCqsize == IORING_SETUP_CQSIZE);
static_assert(kSqeFixedFile == IOSQE_FIXED_FILE && kSqeAsync == IOSQE_ASYNC);
static_assert(kOffSqRing == IORING_OFF_SQ_RING && kOffSqes == IORING_OFF_SQES);
static_assert(kEnterGetevents == IORING_ENTER_GETEVENTS && kFsyncDatasync == IORING_FSYNC_DATASYNC);
static_assert(kOpNop == IORING_OP_NOP && kOpReadv == IORING_OP_READV &&
              kOpWritev == IORING_OP_WRITEV);
static_assert(kOpFsync == IORING_OP_FSYNC && kOpPollAdd == IORING_OP_POLL_ADD);
static_assert(kOpReadFixed == IORING_OP_READ_FIXED && kOpWriteFixed == IORING_OP_WRITE_FIXED);
#ifdef IORING_SETUP_CLAMP
static_assert(kSetupClamp == IORING_SETUP_CLAMP);
#endif
#ifdef IORING_SETUP_R_DISABLED
static_assert(kSetupRDisabled == IORING_SETUP_R_DISABLED && kEnterSqWait == IORING_ENTER_SQ_WAIT);
#endif
#ifdef IORING_FEAT_SQPOLL_NONFIXED
static_assert(kFeatSqpollNonfixed == IORING_FEAT_SQPOLL_NONFIXED);
#endif
#ifdef IORING_SETUP_SUBMIT_ALL
static_assert(kSetupSubmitAll == IORING_SETUP_SUBMIT_ALL);
#endif
#ifdef IORING_SETUP_COOP_TASKRUN
static_assert(kSetupCoopTaskrun == IORING_SETUP_COOP_TASKRUN);
static_assert(kSetupTaskrunFlag == IORING_SETUP_TASKRUN_FLAG);
#endif
#ifdef IORING_SETUP_SINGLE_ISSUER
static_assert(kSetupSingleIssuer == IORING_SETUP_SINGLE_ISSUER);
#endif
#ifdef IORING_SETUP_DEFER_TASKRUN
static_assert(kSetupDeferTaskrun == IORING_SETUP_DEFER_TASKRUN);
#endif
#ifdef IORING_SETUP_NO_SQARRAY
static_assert(kSetupNoSqarray == IORING_SETUP_NO_SQARRAY);
#endif
#ifdef IORING_FEAT_SINGLE_MMAP
static_assert(kFeatSingleMmap == IORING_FEAT_SINGLE_MMAP);
#endif
#ifdef IORING_FEAT_NODROP
static_assert(kFeatNodrop == IORING_FEAT_NODROP && kFeatSubmitStable == IORING_FEAT_SUBMIT_STABLE);
#endif
#ifdef IORING_FEAT_RW_CUR_POS
static_assert(kFeatRwCurPos == IORING_FEAT_RW_CUR_POS);
#endif
#ifdef IORING_FEAT_EXT_ARG
static_assert(kFeatExtArg == IORING_FEAT_EXT_ARG && kEnterExtArg == IORING_ENTER_EXT_ARG);
static_assert(sizeof(GeteventsArg) == sizeof(io_uring_getevents_arg));
static_assert(offsetof(GeteventsArg, timespec) == offsetof(io_uring_getevents_arg, ts));
#endif
#ifdef IORING_FEAT_RSRC_TAGS
static_assert(kFeatRsrcTags == IORING_FEAT_RSRC_TAGS);
#endif
#ifdef IORING_FEAT_MIN_TIMEOUT
static_assert(kFeatMinTimeout == IORING_FEAT_MIN_TIMEOUT);
static_assert(offsetof(GeteventsArg, min_wait_us) ==
              offsetof(io_uring_getevents_arg, min_wait_usec));
#endif
#ifdef IORING_FEAT_NO_IOWAIT
static_assert(kFeatNoIowait == IORING_FEAT_NO_IOWAIT && kEnterNoIowait == IORING_ENTER_NO_IOWAIT);
#endif
#ifdef IORING_ENTER_REGISTERED_RING
static_assert(kEnterRegisteredRing == IORING_ENTER_REGISTERED_RING);
#endif
#ifdef IORING_SQ_CQ_OVERFLOW
static_assert(kSqCqOverflow == IORING_SQ_CQ_OVERFLOW);
#endif
#ifdef IORING_SQ_TASKRUN
static_assert(kSqTaskrun == IORING_SQ_TASKRUN);
#endif
#ifdef IORING_CQE_F_MORE
static_assert(kCqeMore == IORING_CQE_F_MORE);
#endif
#ifdef IORING_POLL_ADD_MULTI
static_assert(kPollAddMulti == IORING_POLL_ADD_MULTI);
#endif
#ifdef IORING_FILE_INDEX_ALLOC
static_assert(static_cast<uint32_t>(kFileIndexAlloc) == IORING_FILE_INDEX_ALLOC);
#endif
#ifdef IORING_RSRC_REGISTER_SPARSE
static_assert(kRsrcRegisterSparse == IORING_RSRC_REGISTER_SPARSE);
static_assert(sizeof(RsrcRegister) == sizeof(io_uring_rsrc_register));
static_assert(sizeof(RsrcUpdate2) == sizeof(io_uring_rsrc_update2));
#endif
// Enumerators can't be tested by the preprocessor: they go by the version of the system's header.
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
static_assert(kOpTimeout == IORING_OP_TIMEOUT);
static_assert(sizeof(Timespec) == sizeof(__kernel_timespec));
static_assert(kOpAsyncCancel == IORING_OP_ASYNC_CANCEL && kOpOpenat == IORING_OP_OPENAT);
static_assert(kOpClose == IORING_OP_CLOSE && kOpStatx == IORING_OP_STATX);
static_assert(kOpRead == IORING_OP_READ && kOpWrite == IORING_OP_WRITE);
static_assert(kOpOpenat2 == IORING_OP_OPENAT2 && kRegisterProbe == IORING_REGISTER_PROBE);
static_assert(sizeof(ProbeOp) == sizeof(io_uring_probe_op) &&
              kOpSupported == IO_URING_OP_SUPPORTED);
static_assert(offsetof(Probe, operations) == sizeof(io_uring_probe));
static_assert(kOpFallocate == IORING_OP_FALLOCATE && kOpFadvise == IORING_OP_FADVISE);
static_assert(kOpSyncFileRange == IORING_OP_SYNC_FILE_RANGE && kOpMadvise == IORING_OP_MADVISE);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 10, 0)
static_assert(sizeof(Restriction) == sizeof(io_uring_restriction));
static_assert(kRegisterRestrictions == IORING_REGISTER_RESTRICTIONS &&
              kRegisterEnableRings == IORING_REGISTER_ENABLE_RINGS);
static_assert(kRestrictRegisterOp == IORING_RESTRICTION_REGISTER_OP &&
              kRestrictSqeOp == IORING_RESTRICTION_SQE_OP &&
              kRestrictSqeFlags == IORING_RESTRICTION_SQE_FLAGS_ALLOWED);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
static_assert(kSpliceFdInFixed == SPLICE_F_FD_IN_FIXED);
static_assert(kOpSplice == IORING_OP_SPLICE && kOpTee == IORING_OP_TEE);
static_assert(kOpRenameat == IORING_OP_RENAMEAT && kOpUnlinkat == IORING_OP_UNLINKAT);
static_assert(kOpMkdirat == IORING_OP_MKDIRAT && kOpSymlinkat == IORING_OP_SYMLINKAT &&
              kOpLinkat == IORING_OP_LINKAT);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static_assert(kOpWaitid == IORING_OP_WAITID);
static_assert(kOpFutexWait == IORING_OP_FUTEX_WAIT && kOpFutexWake == IORING_OP_FUTEX_WAKE);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
static_assert(kOpFtruncate == IORING_OP_FTRUNCATE);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
static_assert(kOpPipe == IORING_OP_PIPE);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0)
static_assert(kOpFsetxattr == IORING_OP_FSETXATTR && kOpSetxattr == IORING_OP_SETXATTR);
static_assert(kOpFgetxattr == IORING_OP_FGETXATTR && kOpGetxattr == IORING_OP_GETXATTR);
static_assert(kRegisterFiles2 == IORING_REGISTER_FILES2);
static_assert(kRegisterBuffers2 == IORING_REGISTER_BUFFERS2 &&
              kRegisterBuffersUpdate == IORING_REGISTER_BUFFERS_UPDATE);
static_assert(kRegisterIowqMaxWorkers == IORING_REGISTER_IOWQ_MAX_WORKERS);
static_assert(kRegisterRingFds == IORING_REGISTER_RING_FDS &&
              kUnregisterRingFds == IORING_UNREGISTER_RING_FDS);
static_assert(sizeof(RingFdUpdate) == sizeof(io_uring_rsrc_update));
#endif

}  // namespace ringpost::abi
