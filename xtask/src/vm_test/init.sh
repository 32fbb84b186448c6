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
mkdir -p /proc /sys /host /system
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in /modules/*; do
    insmod "$module" || fail "the kernel refuses $module"
done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host || fail "no root of the host over 9p"
mount --bind /host /system
for folder in tmp run var; do
    mount -t tmpfs -o mode=0755 "$folder" "/system/$folder" || fail "no tmpfs on /$folder"
done
chmod 1777 /system/tmp
mkdir -p -m 1777 /system/var/tmp
# The checkout and its build folder may lie under one of these.
while read -r folder; do
    mkdir -p "/system$folder"
    mount --bind "/host$folder" "/system$folder" || fail "$folder cannot be shown at its place"
done </folders
mkdir -p /system/run/portolan-vm
cp /bin/busybox /inside.sh /command /modprobe /system/run/portolan-vm/ || fail "no room in /run"
mount -t proc proc /system/proc
mount -t sysfs sysfs /system/sys
mount -t devtmpfs devtmpfs /system/dev
exec switch_root /system /bin/sh /run/portolan-vm/inside.sh
fail "the host has no /bin/sh"
