#!/bin/bash
# The first process of a user-mode Linux guest.  Its root is the host's own file system, read-only;
# `bras_work` (a directory of the host, writable) and `bras_modules` (where depmod'ed modules are) come as
# kernel parameters, and so does what the agent needs: `bras_python`, `bras_agent`, `bras_address`, `bras_host`.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=0666 devpts /dev/pts
for directory in /dev/shm /run /var/log /var/lib /var/tmp /mnt; do mount -t tmpfs tmpfs $directory; done

# pppd reads fixed paths: an /etc/ppp of its own, whose hook tells that a session is up
mkdir /mnt/ppp /run/lock /run/pppd /run/xl2tpd /run/lac /run/lac/up
mount --bind /mnt/ppp /etc/ppp
touch /etc/ppp/options /etc/ppp/chap-secrets /etc/ppp/pap-secrets
cat >/etc/ppp/ip-up <<'HOOK'
#!/bin/sh
trap '' TERM
echo "$1 $4 $5 ${DNS1:--} ${DNS2:--}" >/run/lac/up.$6 && mv /run/lac/up.$6 /run/lac/up/$6
HOOK
chmod +x /etc/ppp/ip-up

# the kernel loads modules by itself too, and knows nothing of our directory
printf '#!/bin/sh\nexec /sbin/modprobe -d %s "$@"\n' "$bras_modules" >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
/run/modprobe -a l2tp_ppp ppp_async ppp_synctty

mount -t hostfs none "$bras_work" -o "$bras_work"
cd "$bras_work" || halt -f
ip link set lo up
ip address add "$bras_address" dev vec0
ip link set vec0 up
"$bras_python" -I "$bras_agent" "$bras_host" >agent.log 2>&1
sync
halt -f
