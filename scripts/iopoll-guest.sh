#!/bin/busybox sh
# The first process of the guest of scripts/test-iopoll.mjs: finds its disks, takes the machine's files for its own, runs the tests,
# and turns the guest off. Whatever fails here, the counts are missing then.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
exec >/dev/ttyS0 2>&1
stty -F /dev/ttyS0 -onlcr
. /settings
echo "$GREETING $(uname -r)"

run_tests() {
  set -e
  for module in /modules/*; do
    case $module in
      *-nvme.ko) insmod "$module" "poll_queues=$POLL_QUEUES" ;;
      *) insmod "$module" ;;
    esac
  done
  mkdir -p /host /over /root
  # The machine's files are read alone; what is written goes to memory.
  mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
  mount -t tmpfs tmpfs /over
  mkdir /over/upper /over/work
  mount -t overlay -o lowerdir=/host,upperdir=/over/upper,workdir=/over/work overlay /root
  for name in dev proc sys; do mount --bind /$name /root/$name; done
  mount -t tmpfs tmpfs /root/tmp

  for try in $(seq 100); do [ -b /dev/nvme0n1 ] && [ -b /dev/vda ] && break; sleep 0.1; done
  mkdir /root/ringpost-polled /root/ringpost-unpolled
  mount -t ext4 /dev/nvme0n1 /root/ringpost-polled
  mount -t ext4 /dev/vda /root/ringpost-unpolled
  for disk in nvme0n1 vda; do echo "$disk: io_poll $(cat /sys/block/$disk/queue/io_poll)"; done

  ip link set lo up
  # By way of a pipe, since what Vitest says on a terminal moves about.
  chroot /root /bin/sh -c "$TESTS" 2>&1 | cat
  cat /root/ringpost-polled/counts.json >/dev/ttyS1
}

(run_tests)
sync
poweroff -f
