# Goes on where init.sh ended, in the host's root: what a running system has, then the one command, then off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mkdir -p /dev/pts /dev/shm /sys/fs/bpf
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ip link set lo up
ulimit -n 65536
# What the kernel asks for later is in the package's folder, not in the host's.
echo /run/portolan-vm/modprobe >/proc/sys/kernel/modprobe
# A device that is a module's is there only when that is: nobody opens it before.
/run/portolan-vm/modprobe -q fuse
echo "portolan-vm: Linux $(uname -r) is up"
setsid sh /run/portolan-vm/command </dev/null
echo "portolan-vm: the command ended with $?"
/run/portolan-vm/busybox poweroff -f
