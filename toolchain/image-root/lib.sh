# Shared by the scripts of this folder; source it.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

say() { echo "<3>sotto: $*" >/dev/kmsg 2>/dev/null || echo "sotto: $*"; }

# Device of the partition with the given name.
partition() {
  for event in /sys/class/block/*/uevent; do
    if grep -qx "PARTNAME=$1" "$event" 2>/dev/null; then
      echo "/dev/$(sed -n 's/^DEVNAME=//p' "$event")"
      return
    fi
  done
}

# The slot that is running.
slot() { sed -n 's/.*sotto\.slot=\([ab]\).*/\1/p' /proc/cmdline; }
