"""A file system of one file, "file", that this process serves: what is SLOW (read, open, flush) takes SECONDS. Says "mounted", and
serves until its input ends.

slow-files.py FOLDER SECONDS SLOW: needs CAP_SYS_ADMIN. include/uapi/linux/fuse.h has the messages, of which version 7.31 is spoken.
"""
import ctypes
import os
import struct
import sys
import threading
import time

FOLDER, SECONDS, SLOW = sys.argv[1], float(sys.argv[2]), sys.argv[3]
CONTENT = b"slow"
ROOT, FILE = 1, 2
LOOKUP, FORGET, GETATTR, OPEN, READ, FLUSH, RELEASE, INIT, OPENDIR, INTERRUPT, BATCH_FORGET = (
    1, 2, 3, 14, 15, 25, 18, 26, 27, 36, 42)
SLOW_OPERATION = {"read": READ, "open": OPEN, "flush": FLUSH}[SLOW]
FOR_LONG = 3600  # s: what was said of a file holds, so that nothing else is asked
NO_ENTRY, NO_SYSTEM_CALL = 2, 38
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)
device = os.open("/dev/fuse", os.O_RDWR)


def attributes(node):
    size, mode = (len(CONTENT), 0o100644) if node == FILE else (0, 0o40755)
    return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(operation, node, body):
    """Returns an errno and the bytes of the reply."""
    if operation == SLOW_OPERATION:
        time.sleep(SECONDS)
    if operation == INIT:
        return 0, struct.pack("<4I2H2I2H8I", 7, 31, 65536, 0, 12, 10, 65536, 1, 16, 0, *[0] * 8)
    if operation == LOOKUP:
        if body.rstrip(b"\0") != b"file":
            return NO_ENTRY, b""
        return 0, struct.pack("<4Q2I", FILE, 0, FOR_LONG, FOR_LONG, 0, 0) + attributes(FILE)
    if operation == GETATTR:
        return 0, struct.pack("<Q2I", FOR_LONG, 0, 0) + attributes(node)
    if operation in (OPEN, OPENDIR):
        return 0, struct.pack("<Q2I", 1, 1, 0)  # the kernel is to cache nothing of it
    if operation == READ:
        return 0, CONTENT[struct.unpack_from("<Q", body, 8)[0]:]
    return (0 if operation in (FLUSH, RELEASE) else NO_SYSTEM_CALL), b""


def serve_one(message):
    length, operation, unique, node = struct.unpack_from("<2I2Q", message)
    if operation in (FORGET, BATCH_FORGET, INTERRUPT):
        return
    errno, data = answer(operation, node, message[40:length])
    os.write(device, struct.pack("<IiQ", 16 + len(data), -errno, unique) + data)


def serve():
    while True:
        try:
            message = os.read(device, 1 << 20)
        except OSError:
            return  # unmounted
        threading.Thread(target=serve_one, args=(message,), daemon=True).start()


options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"slow", FOLDER.encode(), b"fuse.slow", 0, options) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
threading.Thread(target=serve, daemon=True).start()
print("mounted", flush=True)
sys.stdin.read()
libc.umount2(FOLDER.encode(), MNT_DETACH)
