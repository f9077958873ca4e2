#!/bin/bash
# The first process of a guest with Debian's kernel.  Its root is the host's own file system, read-only; the 9p mount
# "work" is a directory of the host's that it can write.  Kernel parameters: `bras_modules` (where the kernel's
# modules are), `bras_load` (those to load, with commas).  It runs the script "command" of the work directory.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /dev/net
mount -t devpts -o ptmxmode=0666 devpts /dev/pts
# what is to be tried may stand below a directory that gets a file system of its own
tree=${bras_modules%/build/guest/modules}
mkdir -p /dev/host && mount --bind / /dev/host
for directory in /dev/shm /run /tmp /var/log /var/lib /var/tmp /mnt; do mount -t tmpfs tmpfs $directory; done
[ -e "$tree" ] || { mkdir -p "$tree" && mount --bind "/dev/host$tree" "$tree"; }
mkdir -p /run/lock /run/netns /mnt/shared
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing

# the kernel loads modules by itself too, and knows nothing of our directory
printf '#!/bin/sh\nexec /sbin/modprobe -d %s "$@"\n' "$bras_modules" >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
/run/modprobe -a ${bras_load//,/ }
ip link set lo up

mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,access=any work /mnt/shared && cd /mnt/shared || echo o >/proc/sysrq-trigger
cut -d' ' -f1 /proc/uptime >booted
bash ./command >output 2>&1 </dev/null
echo $? >status
sync
echo o >/proc/sysrq-trigger
sleep 60
