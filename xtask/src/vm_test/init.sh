#!/bin/busybox sh
# The first process of the machine: from the initramfs into the host's root, read-only, with its own /tmp, /run and /var.
# Beside it: busybox, the modules in the order in which they are loaded, `folders`, `inside.sh` and `command`.
fail() {
    /bin/busybox echo "portolan-vm: cannot start: $1"
    /bin/busybox poweroff -f
}
for applet in mount mkdir chmod cat cp insmod switch_root; do
    /bin/busybox ln -s busybox "/bin/$applet"
done
export PATH=/bin
mkdir -p /proc /sys /host /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in /modules/*; do
    insmod "$module" || fail "the kernel refuses $module"
done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host || fail "no root of the host over 9p"
mount --bind /host /root
for folder in tmp run var; do
    mount -t tmpfs -o mode=0755 "$folder" "/root/$folder" || fail "no tmpfs on /$folder"
done
chmod 1777 /root/tmp
mkdir -p -m 1777 /root/var/tmp
# The checkout and its build folder may lie under one of these.
while read -r folder; do
    mkdir -p "/root$folder"
    mount --bind "/host$folder" "/root$folder" || fail "$folder cannot be shown at its place"
done </folders
mkdir -p /root/run/portolan-vm
cp /bin/busybox /inside.sh /command /modprobe /root/run/portolan-vm/ || fail "no room in /run"
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs devtmpfs /root/dev
exec switch_root /root /bin/sh /run/portolan-vm/inside.sh
fail "the host has no /bin/sh"
